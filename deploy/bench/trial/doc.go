// Package trial is the evidence for a choice: what carries our calls to HTTP/1.1
// services. It puts the candidates before services that lie, stall and break off
// (testdata/probe.txt is what they did), and measures what one aggregated screen
// costs over each.
//
// The table is kept as it is found, so the test fails when a library changes: then
// it is time to look at the choice again. TRIPTYCH_UPDATE=1 writes it anew.
package trial
