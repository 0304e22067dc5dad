package gatewaytest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/triptych-bff/triptych/shared/aggregation"
	"github.com/triptych-bff/triptych/shared/problem"
)

// An Answer is a whole response.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // as it came: perhaps compressed
}

// Whole fails the test unless the answer is a screen with this status that lacks
// nothing.
func (a Answer) Whole(t testing.TB, status int) {
	t.Helper()
	Case{Status: status}.judge(t, a)
}

// Refused fails the test unless the answer is a problem document (RFC 9457) with
// this status and code.
func (a Answer) Refused(t testing.TB, status int, code string) {
	t.Helper()
	Case{Status: status, Code: code}.judge(t, a)
}

// judge fails the test where the answer is not what the case wants. It reports
// whether the status is: otherwise there is no sense in looking further.
func (c Case) judge(t testing.TB, a Answer) bool {
	t.Helper()
	if a.Status != c.Status {
		t.Errorf("status %d, want %d: %s", a.Status, c.Status, a.Plain(t))
		return false
	}
	if c.Code != "" {
		a.checkProblem(t, c)
	} else {
		a.checkParts(t, c)
	}
	a.checkHeader(t, c.Header)
	a.checkMembers(t, c.Members)
	if c.Golden != "" {
		Golden(t, c.Golden, a.Plain(t))
	}
	return true
}

func (a Answer) checkProblem(t testing.TB, c Case) {
	t.Helper()
	var document struct {
		Status int
		Code   string
	}
	if media, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); media != problem.MediaType {
		t.Errorf("the answer is %q, want a problem with the code %s: %s", a.Header.Get("Content-Type"), c.Code, a.Plain(t))
		return
	}
	if err := json.Unmarshal(a.Plain(t), &document); err != nil || document.Code != c.Code || document.Status != c.Status {
		t.Errorf("problem %d %q, want %d %q: %s", document.Status, document.Code, c.Status, c.Code, a.Plain(t))
	}
}

// checkParts compares what the answer says of its parts, in its header and once
// more in its body, with what it should.
func (a Answer) checkParts(t testing.TB, c Case) {
	t.Helper()
	want := Completeness{c.Missing, c.Default, c.Incomplete, c.Stale}
	got, err := a.Completeness()
	if err != nil || !got.equal(want) {
		t.Errorf("completeness %q, want %s (%v): %s", a.Header.Get(aggregation.CompletenessHeader), want, err, a.Plain(t))
		return
	}
	if a.Status == http.StatusNotModified {
		return // it has no body
	}
	body := a.members(t)
	checkMeta(t, c, want, body["_meta"])
	for _, part := range c.Missing {
		if _, known := c.Members[part]; body[part] != nil && !known {
			t.Errorf("%s is missing, and there all the same: %s", part, body[part])
		}
	}
	if tag, storing := a.Header.Get("ETag"), a.Header.Get("Cache-Control"); want.partial() && (tag != "" || storing != "no-store") {
		t.Errorf("an answer with missing parts can be stored: Cache-Control %q, ETag %q", storing, tag)
	}
}

// checkMeta compares what the body says. It may say more.
func checkMeta(t testing.TB, c Case, want Completeness, text json.RawMessage) {
	t.Helper()
	var said meta
	if err := json.Unmarshal(text, &said); err != nil {
		t.Errorf("_meta %s: %v", text, err)
		return
	}
	if said.Completeness != want.word() {
		t.Errorf("_meta says %q, the header %s", said.Completeness, want)
	}
	var named []string
	for _, e := range said.Errors {
		named = append(named, e.Part)
		if e.Source == "" || e.Code == "" {
			t.Errorf("_meta does not say why %s is missing: %s", e.Part, text)
		}
		if spoiled := c.spoiled(); len(spoiled) > 0 && !slices.Contains(spoiled, e.Source) {
			t.Errorf("_meta says that %s is missing because of %s; it is because of %v", e.Part, e.Source, spoiled)
		}
		if e.Age != nil && !slices.Contains(want.Stale, e.Part) {
			t.Errorf("_meta says that %s is stale: %s", e.Part, text)
		}
	}
	all := want.all()
	slices.Sort(all)
	slices.Sort(named)
	if !slices.Equal(slices.Compact(named), all) {
		t.Errorf("_meta names %q, the header %q: %s", named, all, text)
	}
}

// meta is the member of a body that speaks of its parts.
type meta struct {
	Completeness string
	Errors       []struct {
		Part, Source, Code string
		Age                *float64 `json:"stale_age_s"` // of one that is shown all the same
	}
}

func (a Answer) checkHeader(t testing.TB, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := a.Header.Get(name); got != want[name] {
			t.Errorf("%s: %s, want %q", name, got, want[name])
		}
	}
}

func (a Answer) checkMembers(t testing.TB, want map[string]string) {
	t.Helper()
	if len(want) == 0 {
		return
	}
	body := a.members(t)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		var w, g any
		if err := json.Unmarshal([]byte(want[name]), &w); err != nil {
			t.Errorf("the wanted %s is not JSON: %v", name, err)
		}
		if err := json.Unmarshal(body[name], &g); err != nil || !reflect.DeepEqual(w, g) {
			t.Errorf("%s is %s, want %s", name, body[name], want[name])
		}
	}
}

// members are those of the body's object.
func (a Answer) members(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(a.Plain(t), &all); err != nil {
		t.Errorf("not a JSON object: %v: %s", err, a.Plain(t))
	}
	return all
}

// Plain is the body without its content coding, gzip or zstd.
func (a Answer) Plain(t testing.TB) []byte {
	t.Helper()
	body, err := decode(a.Header.Get("Content-Encoding"), a.Body)
	if err != nil {
		t.Errorf("the body cannot be read: %v", err)
	}
	return body
}

func decode(coding string, body []byte) ([]byte, error) {
	switch coding {
	case "":
		return body, nil
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	default:
		return nil, fmt.Errorf("unknown content coding %q", coding)
	}
}
