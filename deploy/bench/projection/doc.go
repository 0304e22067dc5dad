// Package projection compares ways to make of the JSON of five services what one
// screen shows: ours, the standard library's and those of other libraries. It is
// all in the test: go test -bench Project prints a table.
package projection
