// Package compose only tests what compose.yaml stands on: the gateways'
// configurations in this folder are their own with the containers' addresses, and
// everything that compose.yaml names is there. TRIPTYCH_UPDATE=1 go test
// ./deploy/compose writes the configurations anew.
package compose
