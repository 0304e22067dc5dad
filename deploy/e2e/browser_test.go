package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A visitor looks at the page in a real browser.
type visitor struct {
	t   *testing.T
	w   *world
	ctx context.Context
}

// visit opens the page with the browser of that path.
func (w *world) visit(browser string) *visitor {
	w.t.Helper()
	ctx, stop := chromedp.NewExecAllocator(w.t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.Flag("no-sandbox", true), // it visits nothing but the demo
	)...)
	w.t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	w.t.Cleanup(leave)
	v := &visitor{w.t, w, ctx}
	v.do(chromedp.EmulateViewport(1440, 1000, chromedp.EmulateTouch), calm, chromedp.Navigate("http://"+w.addr["page"]+"/"))
	return v
}

// chromium is the path of a browser. Without one the test is left out.
func (w *world) chromium() string {
	w.t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	w.skip("there is no browser: neither $CHROMIUM nor chromium nor google-chrome can be run")
	return ""
}

// calm asks for a page without movement in light colours, so that every look at it
// sees the same.
var calm = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "prefers-color-scheme", Value: "light"},
	}})
	return err
})

// as is the same visitor in another test.
func (v *visitor) as(t *testing.T) *visitor {
	w := *v.w
	w.t = t
	return &visitor{t, &w, v.ctx}
}

// begin is the page with all well and all devices at home.
func (v *visitor) begin() {
	v.t.Helper()
	v.wait("the page is there", `document.querySelectorAll("[data-user]").length > 0`)
	v.click("#reset")
	v.wait("the demo is reset", `!document.querySelector("#reset[aria-busy]") && document.querySelectorAll("[data-action=restore][aria-pressed=true]").length === 6`)
	v.all("home")
	v.well()
}

func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, steps...); err != nil {
		v.t.Fatal(err)
	}
}

func run[T any](v *visitor, what string, a chromedp.Action[T]) T {
	v.t.Helper()
	value, err := chromedp.Run(v.ctx, a)
	if err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
	return value
}

// look returns the value of an expression in the page.
func look[T any](v *visitor, expression string) T {
	v.t.Helper()
	return run(v, brief(expression), chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

func (v *visitor) look(expression string) {
	v.t.Helper()
	look[bool](v, "("+expression+", true)")
}

// inFrame returns the value of an expression in the browser app, in a world of the
// test's own beside that of the app's scripts.
func inFrame[T any](v *visitor, expression string) T {
	v.t.Helper()
	return run(v, brief(expression), func(ctx context.Context, t *chromedp.Target) (T, error) {
		world, err := worldInFrame(ctx, t)
		if err != nil {
			var none T
			return none, err
		}
		in := func(p *runtime.EvaluateParams) { p.ContextID = world }
		return chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise, in)(ctx, t)
	})
}

// worldInFrame makes a world in the page's only frame.
func worldInFrame(ctx context.Context, t *chromedp.Target) (runtime.ExecutionContextID, error) {
	tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return 0, err
	}
	if n := len(tree.FrameTree.ChildFrames); n != 1 {
		return 0, fmt.Errorf("the page has %d frames", n)
	}
	made, err := cdp.Call(ctx, t, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: tree.FrameTree.ChildFrames[0].Frame.ID})
	if err != nil {
		return 0, err
	}
	return made.ExecutionContextID, nil
}

// brief is an expression short enough for a message.
func brief(expression string) string { return expression[:min(len(expression), 300)] }

// until waits until something that must come has come.
func (v *visitor) until(what string, came func() bool) {
	v.t.Helper()
	end := time.Now().Add(patience)
	for !came() {
		if time.Now().After(end) {
			v.t.Fatalf("not after %v: %s\n%s", patience, what, look[string](v, `document.body.innerText.replace(/\s+/g, " ")`))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// wait waits until an expression is true in the page.
func (v *visitor) wait(what, expression string) {
	v.t.Helper()
	v.until(what, func() bool { return look[bool](v, expression) })
}

func (v *visitor) waitInFrame(what, expression string) {
	v.t.Helper()
	v.until(what, func() bool { return inFrame[bool](v, expression) })
}

// A spot is a place on the page in pixels.
type spot struct{ X, Y float64 }

// find moves an element into sight and returns its middle.
func (v *visitor) find(selector string) spot {
	v.t.Helper()
	v.wait(selector+" is there", fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	return look[spot](v, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "nearest", inline: "nearest", behavior: "instant"});
		const {x, y, width, height} = e.getBoundingClientRect();
		return {X: x + width / 2, Y: y + height / 2};
	})()`, selector))
}

// click clicks with the mouse.
func (v *visitor) click(selector string) {
	v.t.Helper()
	at := v.find(selector)
	v.do(chromedp.MouseClickXY(at.X, at.Y))
}

// aside puts the mouse where nothing is.
func (v *visitor) aside() {
	v.t.Helper()
	v.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 2, 2))
}

// clickInFrame clicks an element of the browser app.
func (v *visitor) clickInFrame(selector string) {
	v.t.Helper()
	v.waitInFrame(selector+" is there", fmt.Sprintf(`!!document.querySelector(%q)`, selector))
	inFrame[bool](v, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector))
}

// press presses keys by their names.
func (v *visitor) press(names ...string) {
	v.t.Helper()
	keys := map[string]string{
		"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
		"Enter": kb.Enter, "Escape": kb.Escape, "Backspace": kb.Backspace, "Tab": kb.Tab,
	}
	for _, name := range names {
		v.do(chromedp.KeyEvent(keys[name]))
	}
}

// tap touches an element with one finger.
func (v *visitor) tap(selector string) {
	v.t.Helper()
	at := v.find(selector)
	v.do(finger(input.DispatchTouchEventTypeTouchStart, at), finger(input.DispatchTouchEventTypeTouchEnd))
}

// swipe draws a finger sideways, from the middle of an element.
func (v *visitor) swipe(selector string, right float64) {
	v.t.Helper()
	at := v.find(selector)
	v.do(finger(input.DispatchTouchEventTypeTouchStart, at))
	for range 10 {
		at.X += right / 10
		v.do(finger(input.DispatchTouchEventTypeTouchMove, at))
	}
	v.do(finger(input.DispatchTouchEventTypeTouchEnd))
}

func finger(does input.DispatchTouchEventType, at ...spot) chromedp.Action[chromedp.Void] {
	points := []*input.TouchPoint{}
	for _, s := range at {
		points = append(points, &input.TouchPoint{X: s.X, Y: s.Y})
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: does, TouchPoints: points})
		return err
	})
}

// picture is what the browser shows now, as PNG.
func (v *visitor) picture() []byte {
	v.t.Helper()
	return run(v, "screenshot", chromedp.CaptureScreenshot())
}
