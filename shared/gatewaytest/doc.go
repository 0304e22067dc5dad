// Package gatewaytest runs a whole gateway in a test: on free ports, over real
// connections, against services that answer what was recorded of the real ones.
//
//	func TestHome(t *testing.T) {
//		services := gatewaytest.Replay(t, app(), "testdata/home")
//		issuer := gatewaytest.NewIssuer(t, "bff-example", "example-app")
//		g := gatewaytest.Start(t, app(), services, issuer)
//		answer := g.Get("/v1/home", issuer.Token("ada", "books:read"))
//		gatewaytest.Golden(t, "testdata/home.golden.json", answer.Body)
//	}
//
// With TRIPTYCH_RECORD=1 in the environment, [Replay] calls the services at
// their configured addresses instead and writes down what they answer. With
// TRIPTYCH_UPDATE=1, [Golden] writes what it is given. Both are for people who
// read the difference before they commit it. A record is written only by a test
// that passes and in which every service has answered.
package gatewaytest
