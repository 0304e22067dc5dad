// Package e2e tests the gateways from outside: the real programs as processes,
// real services and a real provider behind them, requests over real
// connections. It imports nothing of what it tests.
//
// The programs are those in bin/; make test builds them first. Services stop by
// SIGTERM and hang by SIGSTOP: a suspended process keeps its connections and
// answers nothing, as a service does that has really hung.
package e2e
