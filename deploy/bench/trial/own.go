package trial

import (
	"context"
	"time"

	"github.com/triptych-bff/triptych/shared/http1"
)

// Own is the client of package http1, which needs a goroutine only while there is no
// connection.
func Own(address string) Carrier { return newOwn(address, maxHead) }

func newOwn(address string, head int) *own {
	o := http1.Options{Address: address, Connect: timeout, Idle: time.Minute, MaxConns: 128}
	o.Answer.Head = head
	return &own{http1.NewClient(o), address}
}

type own struct {
	client  *http1.Client
	address string
}

func (o *own) Close() { o.client.Close() }

func (o *own) Start(ctx context.Context, path string) Pending {
	req := &http1.Request{Host: o.address, Target: path}
	return &ownCall{exchange: o.client.Start(ctx, time.Now().Add(timeout), req)}
}

type ownCall struct {
	exchange *http1.Exchange
	answer   *http1.Answer
}

func (c *ownCall) Wait() (status int, body []byte, err error) {
	c.answer, err = c.exchange.Wait(maxBody)
	if err != nil {
		return 0, nil, err
	}
	return c.answer.Status, c.answer.Body, nil
}

func (c *ownCall) Release() {
	if c.answer != nil {
		c.answer.Release()
	}
}
