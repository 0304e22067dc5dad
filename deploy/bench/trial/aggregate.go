package trial

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/triptych-bff/triptych/shared/projection"
)

// A Part is what a screen takes of one service.
type Part struct {
	Name    string // of the member in the answer
	Carrier Carrier
	Path    string
	Mask    *projection.Mask
}

// A Screen is the answers of some services in one: all are asked before the first
// is waited for. It has no duties but that, so that carriers can be told apart.
type Screen struct {
	Parts []Part
	pool  sync.Pool
}

func (s *Screen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := make([]Pending, len(s.Parts))
	for i, part := range s.Parts {
		started[i] = part.Carrier.Start(r.Context(), part.Path)
	}
	buffer, _ := s.pool.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	out := (*buffer)[:0]
	failed := false
	for i, part := range s.Parts {
		out = append(out, `,"`+part.Name+`":`...)
		status, body, err := started[i].Wait()
		if err == nil && status == http.StatusOK {
			out, err = part.Mask.Project(out, body)
		}
		failed = failed || err != nil || status != http.StatusOK
		started[i].Release()
	}
	if failed {
		w.WriteHeader(http.StatusBadGateway)
	} else {
		out[0] = '{'
		out = append(out, '}')
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(out))}
		_, _ = w.Write(out)
	}
	*buffer = out
	s.pool.Put(buffer)
}
