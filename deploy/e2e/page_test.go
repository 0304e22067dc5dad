package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPage visits the page that shows the three clients, as a person does: with a
// finger on the phone, with the mouse in the browser, with arrow keys before the
// television. One demo and one browser serve all visits, one after the other.
func TestPage(t *testing.T) {
	w := &world{t: t, dir: t.TempDir(), addr: map[string]string{}, run: map[string]*process{}}
	browser := w.chromium()
	w.demo()
	v := w.visit(browser)
	for _, visit := range []struct {
		name string
		do   func(*visitor)
	}{
		{"one film", oneFilm},
		{"touch", touch},
		{"keyboard", keyboard},
		{"apart", apart},
		{"another member", anotherMember},
		{"a slow service", slowService},
		{"a stopped service", stoppedService},
		{"a broken service", brokenService},
		{"a rental", rental},
		{"numbers", numbers},
		{"accessibility", accessibility},
		{"screenshots", screenshots},
	} {
		t.Run(visit.name, func(t *testing.T) {
			v := v.as(t)
			v.begin()
			visit.do(v)
		})
	}
}

var devices = []string{"phone", "web", "tv"}

// demo runs the whole demo with its page, on ports of its own.
func (w *world) demo() {
	w.t.Helper()
	by := w.shift()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(binary(w.t, "demo"), "run", "--shift", strconv.Itoa(by), "--logs", w.dir)
	p.cmd.Dir = filepath.Join("..", "..")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	w.run["demo"] = p
	w.t.Cleanup(func() {
		p.end()
		if w.t.Failed() {
			w.t.Logf("demo:\n%s", p.out.tail(4000))
		}
	})
	w.eventually("the page is served", func() bool {
		w.alive("demo")
		resp, err := http.Get("http://" + w.addr["page"] + "/api/world")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// shift finds a number by which all ports of the demo can be moved, and moves them.
// It stays below the ports that the system gives to clients.
func (w *world) shift() int {
	w.t.Helper()
	all := map[string]string{"page": "127.0.0.1:8080", "redis": "127.0.0.1:7006"}
	for name, address := range addresses {
		all[name] = address
	}
	for by := 12000 + os.Getpid()%50*150; by < 20000; by += 10 {
		free := true
		for name, address := range all {
			host, port, _ := net.SplitHostPort(address)
			number, _ := strconv.Atoi(port)
			w.addr[name] = net.JoinHostPort(host, strconv.Itoa(number+by))
			l, err := net.Listen("tcp", w.addr[name])
			if err != nil {
				free = false
				break
			}
			_ = l.Close()
		}
		if free {
			return by
		}
	}
	w.t.Fatal("there is no room for the demo's ports")
	return 0
}

// oneFilm: what one member is shown on three devices has films in common.
func oneFilm(v *visitor) {
	common := v.films("phone")
	for _, d := range devices {
		shown := v.films(d)
		common = slices.DeleteFunc(common, func(id string) bool { return !slices.Contains(shown, id) })
	}
	if len(common) == 0 {
		v.t.Errorf("no film is on all three: phone %v, web %v, tv %v", v.films("phone"), v.films("web"), v.films("tv"))
	}
	for _, d := range devices {
		if v.metric(d, "status") != http.StatusOK || v.metric(d, "missing") != 0 {
			v.t.Errorf("%s: status %v, missing %v", d, v.metric(d, "status"), v.metric(d, "missing"))
		}
		if wire, behind := v.metric(d, "wire"), v.metric(d, "services-bytes"); wire < 100 || behind < 4*wire {
			v.t.Errorf("%s: %v bytes on the wire of %v that the services answered", d, wire, behind)
		}
	}
}

// touch: a finger opens a film on the phone, moves a shelf, and draws the film away
// again; the others follow.
func touch(v *visitor) {
	shelf := "[data-device=phone] .shelf:has(.film)"
	v.swipe(shelf, -180)
	at := -1.0
	v.until("the shelf has moved under the finger and come to rest", func() bool {
		before := at
		at = look[float64](v, fmt.Sprintf(`document.querySelector(%q).scrollLeft`, shelf))
		return at > 40 && at == before
	})
	id := look[string](v, fmt.Sprintf(`document.querySelector(%q + " li:nth-child(3) .film").dataset.film`, shelf))
	v.tap("[data-device=phone] .film[data-film=" + id + "]")
	v.all(id)
	for _, d := range devices {
		if !slices.Contains(v.films(d), id) {
			v.t.Errorf("%s shows %v", d, v.films(d))
		}
	}
	v.swipe("[data-device=phone] .detail .poster", 150)
	v.all("home")
	v.tap("[data-device=phone] .shelf .begun")
	v.wait("another film is open", `document.querySelector("[data-device=phone]").dataset.showing !== "home"`)
	v.tap("[data-device=phone] .back")
	v.all("home")
}

// keyboard: the television is led by its keys alone, fills rows as the focus comes
// near, and remembers where it was.
func keyboard(v *visitor) {
	focused := func() string {
		return look[string](v, `document.activeElement.dataset.film ?? document.activeElement.className`)
	}
	v.look(`document.querySelector("[data-device=tv] .screen .focus").focus()`)
	first := focused()
	if want := look[string](v, `document.querySelector("[data-row]:first-of-type [data-film]").dataset.film`); first != want {
		v.t.Errorf("the focus begins on %q, not on %q as the gateway wants", first, want)
	}
	v.press("ArrowUp", "ArrowLeft")
	if got := focused(); got != first {
		v.t.Errorf("the focus has left the screen for %q", got)
	}
	v.press("ArrowDown", "ArrowRight", "ArrowRight")
	second := focused()
	v.press("ArrowDown", "ArrowUp")
	if got := focused(); got != second || got == first {
		v.t.Errorf("the row was left at %q and is entered again at %q", second, got)
	}
	v.press("ArrowDown", "ArrowDown")
	v.wait("the shells near the focus are filled", `document.querySelectorAll("[data-row=drama] [data-film], [data-row=thriller] [data-film]").length > 16`)
	v.press("ArrowDown")
	for range 18 {
		v.press("ArrowRight")
	}
	v.wait("the row goes on where its first page ends", `document.querySelectorAll("[data-row=drama] [data-film]").length > 20`)
	id := focused()
	v.press("Enter")
	v.all(id)
	if got := focused(); got != "play focus" {
		v.t.Errorf("the focus is on %q, not on what plays the film", got)
	}
	v.press("Enter")
	v.wait("the television says what it would play", `/https:/.test(document.querySelector("[data-device=tv] .result").textContent)`)
	v.press("Escape")
	v.all("home")
	if got := focused(); got != id {
		v.t.Errorf("back from %q the focus is on %q", id, got)
	}
	v.press("Enter")
	v.all(id)
	v.press("Backspace")
	v.all("home")
	v.press("Tab")
	if look[bool](v, `document.querySelector("[data-device=tv] .screen").contains(document.activeElement)`) {
		v.t.Error("Tab does not lead out of the television")
	}
}

// apart: without "together", each device goes its own way.
func apart(v *visitor) {
	v.click("#together")
	id := v.films("web")[2]
	v.clickInFrame("a[data-film=" + id + "]")
	v.showing("web", id)
	v.showing("phone", "home")
	v.showing("tv", "home")
	v.click("#together")
	v.clickInFrame(".path a")
	v.all("home")
}

// anotherMember: whose films are shown follows from who watches.
func anotherMember(v *visitor) {
	before := map[string][]string{}
	for _, d := range devices {
		before[d] = v.films(d)
	}
	v.click("[data-user=cleo]")
	for _, d := range devices {
		v.until(d+" shows the films of another member", func() bool { return !slices.Equal(v.films(d), before[d]) })
	}
	v.click("[data-user=ada]")
	for _, d := range devices {
		v.until(d+" shows the films of the first member again", func() bool { return slices.Equal(v.films(d), before[d]) })
	}
}

// slowService: the phone does not wait for recommendations, and says so where they
// would stand. Whoever waits shows them.
func slowService(v *visitor) {
	v.turn("recommendations", "slow")
	v.wait("the phone goes without", `document.querySelector("[data-device=phone] .missing [data-part=picks][data-source=recommendations]")?.dataset.code === "upstream-timeout"`)
	if v.metric("phone", "status") != http.StatusOK || !look[bool](v, `!!document.querySelector("[data-device=phone] .absent[data-part=picks]")`) {
		v.t.Errorf("the phone: status %v, and nothing said about the missing part", v.metric("phone", "status"))
	}
	if !look[bool](v, `!!document.querySelector("[data-device=phone] .begun")`) {
		v.t.Error("the phone does not show what it could have")
	}
	v.wait("the browser has its answer", shown("web"))
	v.wait("the television has its answer", shown("tv"))
	for _, d := range []string{"web", "tv"} {
		v.consistent(d)
		if v.metric(d, "status") != http.StatusOK {
			v.t.Errorf("%s: status %v", d, v.metric(d, "status"))
		}
	}
	if v.metric("tv", "missing") != 0 { // the browser waits for less; on a busy machine that may not do
		v.t.Errorf("the television lacks %v parts, but has the time to wait", v.metric("tv", "missing"))
	}
	v.turn("recommendations", "restore")
	v.well()
}

// stoppedService: without the member there is no screen on the phone and in the
// browser; the television, which does not show who watches, does not notice.
func stoppedService(v *visitor) {
	v.turn("users", "stop")
	for _, d := range []string{"phone", "web"} {
		v.until(d+" has no screen", func() bool { return v.metric(d, "status") >= 500 })
	}
	v.wait("the phone says so", `!!document.querySelector("[data-device=phone] .problem button")`)
	v.waitInFrame("the browser says so", `!!document.querySelector(".problem button")`)
	if len(v.films("phone")) != 0 || len(v.films("web")) != 0 {
		v.t.Errorf("films are shown all the same: phone %v, web %v", v.films("phone"), v.films("web"))
	}
	v.wait("the television goes on", shown("tv"))
	if v.metric("tv", "status") != http.StatusOK || v.metric("tv", "missing") != 0 || len(v.films("tv")) == 0 {
		v.t.Errorf("the television: status %v, missing %v, films %v", v.metric("tv", "status"), v.metric("tv", "missing"), v.films("tv"))
	}
	v.turn("users", "restore")
	v.well()
}

// brokenService: an error of a service that one can do without is no error of a
// screen.
func brokenService(v *visitor) {
	v.turn("orders", "break")
	for _, d := range devices {
		v.until(d+" goes without orders", func() bool { return v.metric(d, "missing") == 1 })
		v.consistent(d)
		if v.metric(d, "status") != http.StatusOK || len(v.films(d)) == 0 {
			v.t.Errorf("%s: status %v, films %v", d, v.metric(d, "status"), v.films(d))
		}
	}
	v.turn("orders", "restore")
	v.well()
}

// rental: what is rented on the phone is among the rentals, until the demo is reset.
func rental(v *visitor) {
	const own = "[data-device=phone] .rental"
	has := func(id string) bool { return slices.Contains(v.films("phone"), id) }
	id := v.films("phone")[4]
	v.tap("[data-device=phone] .film[data-film=" + id + "]")
	v.all(id)
	v.tap("[data-device=phone] .rent")
	v.wait("the rental is confirmed", `/^Yours until .* left in your wallet\.$/.test(document.querySelector("[data-device=phone] .result").textContent)`)
	if got := v.metric("phone", "status"); got != http.StatusCreated {
		v.t.Errorf("status %v", got)
	}
	v.tap("[data-device=phone] [data-place=rentals]")
	v.wait("the rentals are shown", fmt.Sprintf(`document.querySelectorAll(%q).length > 0`, own))
	if !has(id) {
		v.t.Errorf("%s is not among the rentals %v", id, v.films("phone"))
	}
	v.tap(own + "[data-film=" + id + "]")
	v.all(id)
	v.tap("[data-device=phone] .rent")
	v.wait("it cannot be rented twice", `/already/.test(document.querySelector("[data-device=phone] .result").textContent)`)
	v.begin()
	v.tap("[data-device=phone] [data-place=rentals]")
	v.wait("the rentals are shown", fmt.Sprintf(`document.querySelectorAll(%q).length > 0`, own))
	if has(id) {
		v.t.Errorf("%s is still rented after the reset", id)
	}
}

// numbers: what the page shows is what the services count and what comes over a
// socket that nobody else touches.
func numbers(v *visitor) {
	v.click("#together")
	defer v.click("#together")
	for _, test := range []struct {
		device, gateway, path, agent, encodings string
		open                                    func(id string)
	}{
		{"phone", "bff-mobile", "/v1/films/", "FilmStore-Phone/1.0", "zstd, gzip", func(id string) { v.tap("[data-device=phone] [data-film=" + id + "]") }},
		{"web", "bff-web", "/api/pages/films/", "", "gzip, deflate, br, zstd", func(id string) { v.clickInFrame("a[data-film=" + id + "]") }},
		{"tv", "bff-tv", "/v1/films/", "FilmStore-TV/1.0", "gzip", func(id string) { v.click("[data-device=tv] [data-film=" + id + "]") }},
	} {
		id := v.films(test.device)[0]
		before := v.counts()
		test.open(id)
		v.showing(test.device, id)
		v.wait("the request is measured", fmt.Sprintf(`document.querySelector("[data-device=%s] .asked code").textContent === "GET %s%s"`, test.device, test.path, id))
		shown := stats{Requests: int(v.metric(test.device, "calls")), Bytes: int(v.metric(test.device, "services-bytes"))}
		var counted stats
		v.until(test.device+" shows what the services count", func() bool {
			after := v.counts()
			counted = stats{after.Requests - before.Requests, after.Bytes - before.Bytes}
			return counted == shown
		})
		head, body := v.w.socket(test.gateway, test.path+id, test.agent, test.encodings)
		if got := int(v.metric(test.device, "wire")); got != body {
			v.t.Errorf("%s shows %d bytes of body, a socket counts %d", test.device, got, body)
		}
		// The heads differ in the digits of what is left of a quota.
		if got := int(v.metric(test.device, "head")); test.device != "web" && max(got-head, head-got) > 4 {
			v.t.Errorf("%s shows %d bytes of head, a socket counts %d", test.device, got, head)
		}
	}
}

// counts are what the services behind the gateways have done so far.
func (v *visitor) counts() stats {
	v.t.Helper()
	var sum stats
	for _, name := range []string{"users", "orders", "reviews", "catalog", "recommendations", "playback"} {
		s := v.w.stats(name)
		sum.Requests += s.Requests
		sum.Bytes += s.Bytes
	}
	return sum
}

// socket asks over a bare connection and counts the bytes that come.
func (w *world) socket(gateway, path, agent, encodings string) (head, body int) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.addr[gateway])
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: application/json\r\nAccept-Encoding: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
		path, w.addr[gateway], agent, encodings, w.token(client(gateway), "ada"))
	all, err := io.ReadAll(conn)
	if err != nil {
		w.t.Fatal(err)
	}
	at := bytes.Index(all, []byte("\r\n\r\n")) + 4
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all)), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%v: %.300s", err, all)
	}
	resp.Body.Close()
	return at - len("Connection: close\r\n"), len(all) - at // only this request has asked for that line
}

// accessibility: axe-core has nothing to say about the page nor about the browser
// app, with all well, with a film, and with a service that is gone.
func accessibility(v *visitor) {
	axe := v.axe()
	v.judge(axe, "home")
	v.tap("[data-device=phone] .film")
	v.wait("a film is open", `document.querySelector("[data-device=tv]").dataset.showing !== "home"`)
	v.all(look[string](v, `document.querySelector("[data-device=phone]").dataset.showing`))
	v.judge(axe, "a film")
	v.turn("catalog", "stop")
	v.until("the film cannot be had", func() bool { return v.metric("tv", "status") >= 500 && v.metric("web", "status") >= 500 })
	v.judge(axe, "a problem")
}

// screenshots are the README's.
func screenshots(v *visitor) {
	if os.Getenv("TRIPTYCH_SCREENSHOTS") != "1" {
		v.t.Skip("TRIPTYCH_SCREENSHOTS=1 draws the README's pictures anew")
	}
	v.save("well.png")
	v.turn("recommendations", "stop")
	for _, d := range devices {
		v.until(d+" goes without recommendations", func() bool { return v.metric(d, "missing") > 0 })
	}
	v.save("stopped.png")
}

// save writes what the browser shows now into the demo's folder of screenshots.
func (v *visitor) save(name string) {
	v.t.Helper()
	const most = 400 << 10
	v.aside()
	const come = `[...document.images].every((i) => {
		const {x, y, width, height} = i.getBoundingClientRect();
		return i.complete || document.elementFromPoint(x + width / 2, y + height / 2) !== i;
	})` // or are out of sight, and so not asked for
	v.wait("all pictures have come", come)
	v.waitInFrame("all pictures of the browser app have come", come)
	picture := v.picture()
	if len(picture) > most {
		v.t.Errorf("%s has %d bytes, more than %d", name, len(picture), most)
	}
	folder := filepath.Join("..", "demo", "screenshots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), picture, 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// shown is true when a device has the answer to what it asked last.
func shown(device string) string {
	return fmt.Sprintf(`!document.querySelector("[data-device=%s] [aria-busy]") && !!document.querySelector("[data-device=%[1]s] [data-metric=ms]")`, device)
}

// consistent: as many parts are said to be missing on the screen as the answer
// names. Where the television lacks the hero it lacks the row of picks too.
func (v *visitor) consistent(device string) {
	v.t.Helper()
	const absent = `new Set([...document.querySelectorAll("%s.absent")].map((e) => e.dataset.part)).size`
	said := 0
	if device == "web" {
		said = inFrame[int](v, fmt.Sprintf(absent, ""))
	} else {
		said = look[int](v, fmt.Sprintf(absent, "[data-device="+device+"] "))
	}
	if named := int(v.metric(device, "missing")); said != named {
		v.t.Errorf("%s: %d parts are missing and the screen says so of %d", device, named, said)
	}
}

// films are the ids of the films that a device shows, in their order, each once.
func (v *visitor) films(device string) []string {
	v.t.Helper()
	const ids = `[...new Set([...document.querySelectorAll("%s[data-film]")].map((e) => e.dataset.film))]`
	if device == "web" {
		return inFrame[[]string](v, fmt.Sprintf(ids, ""))
	}
	return look[[]string](v, fmt.Sprintf(ids, "[data-device="+device+"] "))
}

// metric is a number of a device's meter; -1 while it is not shown.
func (v *visitor) metric(device, name string) float64 {
	v.t.Helper()
	return look[float64](v, fmt.Sprintf(`Number(document.querySelector("[data-device=%s] [data-metric=%s]")?.dataset.value ?? -1)`, device, name))
}

// showing waits until a device shows a film, or "home".
func (v *visitor) showing(device, what string) {
	v.t.Helper()
	v.wait(device+" shows "+what, fmt.Sprintf(`document.querySelector("[data-device=%s]").dataset.showing === %q`, device, what))
}

func (v *visitor) all(what string) {
	v.t.Helper()
	for _, d := range devices {
		v.showing(d, what)
	}
}

// turn throws a switch and waits until it is thrown.
func (v *visitor) turn(service, action string) {
	v.t.Helper()
	button := fmt.Sprintf("[data-service=%s][data-action=%s]", service, action)
	v.click(button)
	v.wait(service+" is switched to "+action, fmt.Sprintf(`document.querySelector(%q).getAttribute("aria-pressed") === "true"`, button))
}

// well waits until all three have everything.
func (v *visitor) well() {
	v.t.Helper()
	for _, d := range devices {
		v.wait(d+" has its answer", shown(d))
		v.until(d+" has everything", func() bool {
			return v.metric(d, "status") == http.StatusOK && v.metric(d, "missing") == 0 && len(v.films(d)) > 0
		})
	}
}

// axe is the source of axe-core.
func (v *visitor) axe() string {
	v.t.Helper()
	file := os.Getenv("AXE")
	if file == "" {
		file = filepath.Join("..", "..", "bin", "axe.min.js")
	}
	source, err := os.ReadFile(file)
	if err != nil {
		v.w.skip("axe-core is not there (make bin/axe.min.js, or AXE=file): " + err.Error())
	}
	return string(source)
}

// judge has axe-core look at page and frame.
func (v *visitor) judge(axe, where string) {
	v.t.Helper()
	const run = `axe.run(document, {iframes: false}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")))`
	look[bool](v, axe+"; true")
	for name, violations := range map[string][]string{"page": look[[]string](v, run), "frame": inFrame[[]string](v, axe+";"+run)} {
		if len(violations) > 0 {
			v.t.Errorf("%s, %s:\n%s", where, name, strings.Join(violations, "\n"))
		}
	}
}
