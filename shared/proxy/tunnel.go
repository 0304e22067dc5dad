package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

var (
	errSwitched = errors.New("the service switched protocols unasked")
	errForward  = errors.New("the client went on before the protocol was switched")
)

// tunnel makes the connection a WebSocket, until one side ends it: half-closed
// connections are no part of WebSocket, and one whose other side stays silent
// would be held for ever. Stall bounds how long both are silent, and how long the
// client takes nothing. Leave ends the call.
func (a *answer) tunnel(stall time.Duration, leave func()) {
	upgrade := a.stream.Header.Values("Upgrade")
	if len(upgrade) != 1 || !strings.EqualFold(upgrade[0], "websocket") {
		a.fail(unusable(errSwitched))
		return
	}
	a.begun = true // from here on, the connection speaks another protocol or none
	conn, buffered, err := http.NewResponseController(a.w).Hijack()
	if err != nil {
		a.fail(err)
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(stall))
	if err := a.switchTo(buffered); err != nil {
		a.note(classify(err, true), err)
		return
	}
	client, service := &timed{conn, stall}, a.stream.Tunnel()
	var other sync.WaitGroup
	defer other.Wait()
	defer conn.Close() // ends the other direction, unless that waits for the service,
	defer leave()      // which this does
	other.Go(func() {
		defer leave()
		pipe(service, conn)
	})
	pipe(client, service)
}

// switchTo sends the head. Whoever sends before having read it does not speak
// WebSocket (RFC 6455 §4.1), and what it sends has been seen by no check.
func (a *answer) switchTo(client *bufio.ReadWriter) error {
	if client.Reader.Buffered() > 0 {
		return errForward
	}
	h := a.w.Header()
	merge(h, endToEnd(a.stream.Header))
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	delete(h, "Content-Length") // RFC 9110 §8.6
	_, _ = client.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(client)
	_, _ = client.WriteString("\r\n")
	return client.Flush() // fails where one of them has
}

// pipe copies until there is nothing more to read, or nobody who takes it. There
// may be thousands of tunnels, so each has little room.
func pipe(dst io.Writer, src io.Reader) {
	room := make([]byte, 4<<10)
	for {
		n, err := src.Read(room)
		if n > 0 {
			if _, err := dst.Write(room[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// timed is a client that takes each piece in time.
type timed struct {
	net.Conn
	stall time.Duration
}

func (t *timed) Write(p []byte) (int, error) {
	_ = t.SetWriteDeadline(time.Now().Add(t.stall))
	return t.Conn.Write(p)
}
