// Package shared is the module that every backend-for-frontend gateway stands
// on. It holds mechanisms, one package each; a gateway holds choices and shapes.
//
// The packages are stacked in floors: a package imports only packages of lower
// floors. The table of floors is a test, beside this file.
package shared
