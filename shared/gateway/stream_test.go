package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/triptych-bff/triptych/shared/aggregation"
)

const shell = `{"type":"shell","members":["user","orders","picks"]}`

// TestSectionsComeAsTheyAreReady, through every coding: the shell before any service
// has answered, and then each section before those that take longer.
func TestSectionsComeAsTheyAreReady(t *testing.T) {
	l := open(t)
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			s := l.stream("/v1/page", "application/x-ndjson", coding, "")
			for name, want := range map[string]string{
				"Content-Type": "application/x-ndjson", "Cache-Control": "no-store", "Etag": "", "Content-Length": "",
				"Vary": "Accept|Accept-Encoding", "X-Accel-Buffering": "no", "Content-Encoding": strings.TrimPrefix(coding, "identity"),
				"Bff-Completeness": "", "Trailer": "",
			} {
				if got := strings.Join(s.Header[name], "|"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			s.want(shell)
			user, orders, picks := l.users.next(), l.orders.next(), l.picks.next()
			picks.says(http.StatusOK, "[ \"x\",\n2 ]")
			s.want(`{"type":"section","name":"picks","body":["x",2]}`)
			user.says(http.StatusOK, `{"id":"ada","age":36,"name":"Ada"}`)
			s.want(`{"type":"section","name":"user","body":{"id":"ada","name":"Ada"}}`)
			orders.says(http.StatusOK, `{"items":[7]}`)
			s.want(`{"type":"section","name":"orders","body":{"items":[7]}}`, `{"type":"end","completeness":"full"}`, "")
		})
	}
	until(t, "counted", func() bool {
		return strings.Contains(l.metrics(), `screen_streams_total{outcome="full",route="/v1/page"} 3`)
	})
}

func (l *library) metrics() string {
	resp, err := http.Get(l.Admin + "/metrics")
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// TestServerSentEvents are the same objects in another frame.
func TestServerSentEvents(t *testing.T) {
	l := open(t).willing()
	l.picks.says(http.StatusInternalServerError, "")
	s := l.stream("/v1/page?fields=picks", "text/event-stream", "identity", "")
	s.want("event: shell", `data: {"type":"shell","members":["picks"]}`)
	if blank := s.line(); blank != "\n" {
		t.Fatalf("%q ends an event", blank)
	}
	rest, err := io.ReadAll(s.lines)
	if err != nil {
		t.Fatal(err)
	}
	events := strings.Split(string(rest), "\n\n")
	if len(events) != 3 || events[2] != "" {
		t.Fatalf("%q", rest)
	}
	if !strings.HasPrefix(events[0], "event: section\ndata: {\"type\":\"section\",\"name\":\"picks\",\"body\":[1],\"errors\":[{\"part\":\"picks\",\"state\":\"default\",") {
		t.Errorf("%q", events[0])
	}
	if !strings.HasPrefix(events[1], "event: end\ndata: {\"type\":\"end\",\"completeness\":\"partial\",\"errors\":[{") || strings.Count(string(rest), "\n") != 6 {
		t.Errorf("%q", rest)
	}
	if s.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", s.Header)
	}
}

// TestAStreamNamesWhatItLacks, each with a link that repairs it.
func TestAStreamNamesWhatItLacks(t *testing.T) {
	l := open(t).willing()
	l.orders.says(http.StatusInternalServerError, "")
	token := l.issuer.Token("ada", "staff")
	s := l.stream("/v1/pages/7", "application/x-ndjson", "gzip", token)
	s.want(`{"type":"shell","members":["user","orders"]}`)
	var link string
	for range 2 {
		var section struct {
			Name   string
			Body   json.RawMessage
			Errors []aggregation.Flaw
		}
		if err := json.Unmarshal([]byte(s.line()), &section); err != nil {
			t.Fatal(err)
		}
		if section.Name == "orders" {
			if section.Body != nil || len(section.Errors) != 1 || section.Errors[0].Code != "bad-upstream" {
				t.Fatalf("%+v", section)
			}
			link = section.Errors[0].Repair
		}
	}
	var end struct {
		Type, Completeness string
		Errors             []aggregation.Flaw
		Timing             map[string]float64
	}
	if err := json.Unmarshal([]byte(s.line()), &end); err != nil {
		t.Fatal(err)
	}
	if end.Type != "end" || end.Completeness != "partial" || len(end.Errors) != 1 || end.Errors[0].Repair == "" || len(end.Timing) != 2 {
		t.Errorf("%+v", end)
	}
	s.want("")
	l.orders.says(http.StatusOK, `{"items":[7]}`)
	again := l.stream(link, "application/x-ndjson", "identity", token)
	again.want(`{"type":"shell","members":["orders"]}`, `{"type":"section","name":"orders","body":{"items":[7]}}`)
	if text := again.line(); !strings.HasPrefix(text, `{"type":"end","completeness":"full","timing":{"orders":`) {
		t.Errorf("%s", text)
	}
	if a := l.Get(link, l.issuer.Token("ben"), "Accept", "application/x-ndjson"); a.Status != http.StatusBadRequest || fault(a) != "bad-request ?repair" {
		t.Errorf("another's link: %d %s", a.Status, a.Body)
	}
}

// TestAStreamThatFails says why, and that it has ended; the services are let go.
func TestAStreamThatFails(t *testing.T) {
	l := open(t)
	s := l.stream("/v1/page", "application/x-ndjson", "zstd", "")
	s.want(shell)
	user, orders, picks := l.users.next(), l.orders.next(), l.picks.next()
	orders.says(http.StatusOK, `{"items":[7]}`)
	s.want(`{"type":"section","name":"orders","body":{"items":[7]}}`)
	user.says(http.StatusNotFound, "")
	var p struct {
		Type    string
		Problem struct {
			Code, Instance string
			Status         int
		}
	}
	if text := s.line(); json.Unmarshal([]byte(text), &p) != nil || p.Type != "problem" || p.Problem.Code != "not-found" || p.Problem.Status != 404 || p.Problem.Instance == "" {
		t.Errorf("%s", text)
	}
	s.want(`{"type":"end","completeness":"failed"}`, "")
	<-picks.Context().Done()
	until(t, "logged", func() bool {
		return strings.Contains(l.Log.String(), `"code":"not-found","encoding":"zstd","err":"not-found`)
	})
	if log := l.Log.String(); !strings.Contains(log, `"status":200`) || strings.Contains(log, `"aborted"`) {
		t.Errorf("%s", log)
	}
	if !strings.Contains(l.metrics(), `screen_streams_total{outcome="failed",route="/v1/page"} 1`) {
		t.Error("not counted")
	}
}

// TestAClientThatLeavesAStream is followed by its calls.
func TestAClientThatLeavesAStream(t *testing.T) {
	l := open(t)
	s := l.stream("/v1/page", "text/event-stream", "identity", "")
	s.want("event: shell")
	user, orders := l.users.next(), l.orders.next()
	s.leave()
	<-user.Context().Done()
	<-orders.Context().Done()
	until(t, "logged", func() bool { return strings.Contains(l.Log.String(), `"code":"client-closed"`) })
	if log := l.Log.String(); !strings.Contains(log, `"aborted":true`) || strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("%s", log)
	}
	until(t, "counted", func() bool {
		return strings.Contains(l.metrics(), `screen_streams_total{outcome="cut",route="/v1/page"} 1`)
	})
}

// TestWhoGetsOneObject all the same.
func TestWhoGetsOneObject(t *testing.T) {
	l := open(t).willing()
	for name, a := range map[string]struct {
		method, path, accept string
	}{
		"anything":    {"GET", "/v1/pages/7", "*/*"},
		"equal":       {"GET", "/v1/pages/7", "application/x-ndjson, application/json"},
		"HEAD":        {"HEAD", "/v1/pages/7", "application/x-ndjson"},
		"composed":    {"GET", "/v1/composed", "application/x-ndjson"},
		"sets cookie": {"GET", "/v1/cookie", "text/event-stream"},
	} {
		got := l.Do(a.method, a.path, "", nil, "Accept", a.accept)
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Content-Length") == "" {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
	}
	// What is refused before the stream begins is a problem with its own status.
	if a := l.Get("/v1/page?fields=nobody", "", "Accept", "text/event-stream"); a.Status != http.StatusBadRequest || fault(a) == "" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
