package device

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// mostInterim is how many interim answers (1xx) may come before the answer.
const mostInterim = 5

var (
	// errStale is a kept connection that was closed before an answer began.
	errStale   = errors.New("the gateway has closed the connection")
	errTooLong = fmt.Errorf("the answer is longer than %d bytes, or its head than %d", MostWire, MostHead)
)

// A conn is a connection that counts what comes.
type conn struct {
	net.Conn
	buf    *bufio.Reader // reads through the counter
	came   int64         // bytes that came so far
	most   int64         // how many may have come
	used   bool
	rested time.Time // since when nobody uses it
}

func newConn(c net.Conn) *conn {
	counted := &conn{Conn: c}
	counted.buf = bufio.NewReader(counted)
	return counted
}

// Read counts.
func (c *conn) Read(p []byte) (int, error) {
	if c.came >= c.most {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.most-c.came)])
	c.came += int64(n)
	return n, err
}

// taken is how many of the bytes that came have been read out of the buffer.
func (c *conn) taken() int64 { return c.came - int64(c.buf.Buffered()) }

// exchange sends the request and reads the answer, which is still encoded then.
// Again says whether the connection can carry another one.
func (c *conn) exchange(ctx context.Context, req *http.Request) (answer *Answer, again bool, err error) {
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // all reading and writing ends
	begin := c.came
	c.most = begin + MostHead
	resp, err := c.roundTrip(req)
	if err != nil {
		stop()
		switch {
		case c.came == c.most:
			err = errTooLong
		case c.used && c.came == begin:
			err = fmt.Errorf("%w: %w", errStale, err)
		}
		return nil, false, err
	}
	head := c.taken() - begin
	c.most = begin + MostWire
	body, err := io.ReadAll(resp.Body) // bounded by c.most
	_ = resp.Body.Close()
	if err != nil {
		stop()
		return nil, false, fmt.Errorf("the answer's body: %w", err)
	}
	answer = &Answer{
		Status: resp.StatusCode, Header: resp.Header, Encoding: resp.Header.Get("Content-Encoding"),
		Head: head, Body: c.taken() - begin - head, Plain: body,
	}
	return answer, stop() && !resp.Close && c.buf.Buffered() == 0, nil
}

// roundTrip sends the request and reads the head of the answer.
func (c *conn) roundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Write(c.Conn); err != nil {
		return nil, err
	}
	for range mostInterim + 1 {
		resp, err := http.ReadResponse(c.buf, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 {
			return resp, nil
		}
		_ = resp.Body.Close() // an interim answer has none
	}
	return nil, fmt.Errorf("more than %d interim answers", mostInterim)
}
