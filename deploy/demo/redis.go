package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// redisTick is how often the clock of miniredis is moved.
const redisTick = 100 * time.Millisecond

// redisCommand serves the Redis protocol from memory until ctx ends: enough for what
// the gateways share in the demo, without anything to install.
func redisCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo redis", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:7006", "`address` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(*listen); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer server.Close()
	fmt.Fprintln(out, "redis", server.Addr())
	age(ctx, server)
	return nil
}

// age lets keys expire: made for tests, miniredis does not look at the clock itself.
func age(ctx context.Context, server *miniredis.Miniredis) {
	ticker := time.NewTicker(redisTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			server.FastForward(now.Sub(last))
			last = now
		}
	}
}
