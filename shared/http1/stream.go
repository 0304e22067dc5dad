package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Patience is how long a service is waited for.
type Patience struct {
	Head  time.Duration // from the moment that the request was sent to the final head
	Stall time.Duration // for more of the body; a connection of another protocol may be silent as long
}

// A Stream is an answer whose body is read while it comes. It is closed, once.
// All its methods are for one goroutine.
type Stream struct {
	Head Head

	exchange *Exchange
	upload   *upload // nil where the request has no Stream
	stall    time.Duration
	reader   reader
	kind     bodyKind
	chunked  Chunked
	left     int64  // of a counted body
	ahead    []byte // content that Next has not returned
	err      error  // io.EOF behind a body that has ended well
	let      bool   // the connection was let go of
}

type bodyKind uint8

const (
	countedBody bodyKind = iota
	chunkedBody
	restBody // up to the connection's end
)

// Open sends a request and waits for the final head. Interim answers but 100 are
// given to inform, if any, by the same goroutine.
//
// A body that is sent meanwhile may be read on behind Open and behind Close, since
// an answer need not wait for its request. Whoever owns it ends a Read that is
// under way.
func (c *Client) Open(ctx context.Context, req *Request, p Patience, inform func(*Head)) (*Stream, error) {
	x := &Exchange{client: c, request: req, ctx: ctx, deadline: time.Now().Add(p.Head)}
	x.conn = c.take(x.deadline)
	x.stop = context.AfterFunc(ctx, x.giveUp)
	s := &Stream{exchange: x, stall: p.Stall}
	err := s.open(p, inform)
	if err == nil {
		return s, nil
	}
	if own := s.upload.failure(); own != nil {
		err = own
	}
	s.Close()
	return nil, err
}

func (s *Stream) open(p Patience, inform func(*Head)) error {
	x := s.exchange
	if x.conn == nil {
		if err := x.attach(x.ctx); err != nil {
			return err
		}
	}
	err := s.heads(p, inform)
	if err != nil && x.replayable(err) {
		x.detach()
		if err = sentBefore(x.attach(x.ctx)); err == nil {
			err = s.heads(p, inform)
		}
	}
	return err
}

// heads sends the request and reads the final head.
func (s *Stream) heads(p Patience, inform func(*Head)) error {
	x := s.exchange
	if err := x.send(); err != nil {
		return err
	}
	if x.request.Stream != nil {
		s.upload = &upload{conn: x.conn, patience: p, sent: make(chan struct{})}
		go s.upload.run(x.request)
	}
	s.reader = reader{read: x.conn.stream.Read, limits: x.client.options.Answer, request: x.request, buffer: s.reader.buffer}
	if s.reader.buffer == nil {
		s.reader.buffer = getBuffer(0)
	}
	if err := s.reader.final(&s.Head, inform); err != nil {
		return err
	}
	s.upload.answered()
	x.conn.deadline = time.Time{} // the upload may have moved it
	return s.begin()
}

// begin finds out how the body ends. One that has none has ended.
func (s *Stream) begin() error {
	switch {
	case s.Head.Status == http.StatusSwitchingProtocols:
		s.kind, s.Head.Close = restBody, true
	case !hasBody(s.exchange.request.method(), s.Head.Status):
		return s.finish()
	case s.Head.Chunked:
		s.kind = chunkedBody
	case s.Head.Length == 0:
		return s.finish()
	case s.Head.Length > 0:
		s.left = s.Head.Length
	default:
		s.kind, s.Head.Close = restBody, true
	}
	return nil
}

// finish lets go of the connection behind the whole answer.
func (s *Stream) finish() error {
	if s.reader.from < s.reader.to {
		s.err = ErrSurplus
		return s.err
	}
	s.err, s.let = io.EOF, true
	answer := &s.Head
	if !s.upload.whole() {
		answer = nil
	}
	s.exchange.end(answer)
	return nil
}

// Ended is whether the whole body was returned, so that Next would be [io.EOF].
func (s *Stream) Ended() bool { return errors.Is(s.err, io.EOF) && len(s.ahead) == 0 }

// Trailer is what stood behind the body, once it has ended.
func (s *Stream) Trailer() Fields { return s.chunked.Trailer }

// Next is the next piece of the body, valid until the next call. At the end it is
// [io.EOF], and only where the answer was whole and well-formed. It is a
// [*BodyError] where the request's own body has failed meanwhile.
func (s *Stream) Next() ([]byte, error) {
	for s.look(); len(s.ahead) == 0; s.look() {
		if s.err != nil {
			return nil, s.err
		}
		s.err = s.fetch()
	}
	piece := s.ahead
	s.ahead = nil
	return piece, nil
}

// Waits is whether nothing more of the body is there, so that Next has to wait for
// the service, or fails. Where that cannot be told, it is true.
func (s *Stream) Waits() bool {
	for s.look(); len(s.ahead) == 0 && s.err == nil; s.look() {
		if !s.fetchNow() {
			return true
		}
	}
	return len(s.ahead) == 0 && !errors.Is(s.err, io.EOF)
}

// look looks for content in what has come.
func (s *Stream) look() {
	for s.err == nil && len(s.ahead) == 0 && s.reader.from < s.reader.to {
		piece, err := s.piece()
		if err != nil {
			s.err = err
			return
		}
		s.ahead = piece
	}
}

// piece takes content off what has come.
func (s *Stream) piece() (piece []byte, err error) {
	r := &s.reader
	have := r.buffer.b[r.from:r.to]
	switch s.kind {
	case countedBody:
		piece = have[:min(int64(len(have)), s.left)]
		r.from += len(piece)
		if s.left -= int64(len(piece)); s.left == 0 {
			err = s.finish()
		}
	case chunkedBody:
		skip, data, wrong := s.chunked.Next(have)
		piece = have[skip : skip+data]
		r.from += skip + data
		if err = wrong; s.chunked.Done() {
			err = s.finish()
		}
	default:
		piece, r.from = have, r.to
	}
	return piece, err
}

// fetch waits for more.
func (s *Stream) fetch() error {
	s.makeRoom()
	s.wait()
	return s.came(s.reader.more())
}

// makeRoom is for more of the body, where all that came has been looked at. Of what
// has no announced length more room is made only where the last was used up: an
// event stream, which may be one of thousands, needs little.
func (s *Stream) makeRoom() {
	r := &s.reader
	have, room := len(r.buffer.b), 0
	switch {
	case s.left >= longRoom:
		room = longRoom
	case s.left > int64(have), s.kind != countedBody && r.to == have:
		room = streamRoom
	}
	if have < room {
		r.buffer = r.buffer.grown(0, room)
	}
	r.from, r.to = 0, 0
}

// What a body is read into that finds no room beside its head. One that is known
// to be long has more of it, so that fewer system calls move it: a sixth less work
// for 10 MB, which is as little as splice(2) costs.
const (
	streamRoom = 32 << 10
	longRoom   = 128 << 10
)

// came is what it means that a read has ended like this.
func (s *Stream) came(err error) error {
	switch {
	case err == nil:
		return nil
	case s.kind == restBody && complete(err):
		s.let = true
		s.exchange.end(nil)
		return io.EOF
	}
	if own := s.upload.failure(); own != nil {
		return own // which has ended the connection
	}
	return cut(err)
}

// fetchNow takes what is there without waiting; it is false where there is nothing.
func (s *Stream) fetchNow() bool {
	s.makeRoom()
	n, err := s.exchange.conn.readNow(s.reader.buffer.b)
	s.reader.to = n
	switch {
	case n > 0:
		return true
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, errors.ErrUnsupported):
		return false
	}
	s.err = s.came(err)
	return true
}

// wait gives the service its time to go on. It is not moved for every piece.
func (s *Stream) wait() {
	cn := s.exchange.conn
	if deadline := time.Now().Add(s.stall); deadline.Sub(cn.deadline).Abs() > s.stall/8 {
		cn.deadline = deadline
		_ = cn.wire.SetReadDeadline(deadline)
	}
}

// Keep leaves the piece that Next has returned last to whoever has it, for as long
// as they want, and ends the body.
func (s *Stream) Keep() {
	s.reader.buffer, s.err = nil, net.ErrClosed
}

// Close gives up what was not read.
func (s *Stream) Close() {
	if !s.let {
		s.let = true
		s.exchange.giveUp()
		s.exchange.end(nil)
	}
	if s.err == nil || errors.Is(s.err, io.EOF) {
		s.err = net.ErrClosed
	}
	if s.reader.buffer != nil {
		s.reader.buffer.put()
		s.reader.buffer = nil
	}
}

// Tunnel is the connection behind an answer 101, which speaks another protocol
// from here on. It lasts as long as the stream, whose body is not to be read. Any
// goroutine may read, and any may write.
func (s *Stream) Tunnel() io.ReadWriter { return &tunnel{s, s.exchange.conn} }

type tunnel struct {
	stream *Stream
	conn   *conn
}

// extend takes a sign of life, in either direction.
func (t *tunnel) extend() { _ = t.conn.wire.SetDeadline(time.Now().Add(t.stream.stall)) }

func (t *tunnel) Read(p []byte) (int, error) {
	if r := &t.stream.reader; r.from < r.to { // came with the head
		n := copy(p, r.buffer.b[r.from:r.to])
		r.from += n
		return n, nil
	}
	t.extend()
	return t.conn.stream.Read(p)
}

func (t *tunnel) Write(p []byte) (int, error) {
	t.extend()
	return t.conn.stream.Write(p)
}
