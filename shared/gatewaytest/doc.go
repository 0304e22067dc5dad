// Package gatewaytest runs a whole gateway in a test: on free ports, over real
// connections, against services that answer what was recorded of the real ones.
//
// A [Screen] is the contract of one aggregation endpoint, as a table: what becomes
// of what is recorded, and what becomes of it when services are down, slow or wrong,
// or when somebody else asks.
//
//	func TestHomeContract(t *testing.T) {
//		gatewaytest.Screen{
//			App: app(), As: gatewaytest.Caller{Subject: "ada", Scopes: "books:read"}, Ask: "GET /v1/home",
//			Record: "testdata/home", Golden: "testdata/home.golden.json", MaxBytes: 4 << 10,
//		}.Run(t, gatewaytest.Cases{
//			"without orders": {Stop: []string{"orders"}, Missing: []string{"orders"}},
//			"without users":  {Stop: []string{"users"}, Status: 502, Code: "unreachable"},
//			"for strangers":  {Anonymous: true, Status: 401, Code: "unauthenticated", Calls: map[string]int{"users": 0}},
//		})
//	}
//
// Whatever the table does not mention must be as always. An answer is whole, in its
// header and its body, unless the case has parts [Case.Missing] or [Case.Stale];
// then it names these and no others, blames a service to which the case has done
// something, does not show what is missing, and cannot be stored. A refusal is a
// problem document. What fits no table stands on [Replay], [NewIssuer] and [Start].
//
// With TRIPTYCH_RECORD=1 in the environment, a screen's own case and [Replay] call
// the services at their configured addresses instead and write down what they
// answer. With TRIPTYCH_UPDATE=1, [Golden] writes what it is given. Both are for
// people who read the difference before they commit it. A record is written only by
// a test that passes and in which every service has answered.
package gatewaytest
