// Generate writes ../films.json and ../ORIGIN.txt from an unpacked
// vega-datasets package, by the rules that the package films states:
//
//	npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
//	go run ./deploy/services/films/generate package deploy/services/films
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/triptych-bff/triptych/deploy/services/films"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate <unpacked vega-datasets package> <folder to write to>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(pkg, out string) error {
	var about struct{ Name, Version, License string }
	if err := read(filepath.Join(pkg, "package.json"), &about); err != nil {
		return err
	}
	var rows []row
	if err := read(filepath.Join(pkg, "data", "movies.json"), &rows); err != nil {
		return err
	}
	list, counts, err := clean(rows)
	if err != nil {
		return err
	}
	fmt.Print(counts)
	c := films.Collection{Dataset: about.Name, Version: about.Version, License: about.License, Films: list}
	if err := os.WriteFile(filepath.Join(out, "films.json"), lines(c), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "ORIGIN.txt"), []byte(origin(c, counts)), 0o644)
}

func read(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// lines writes the collection as JSON with one film a line, so that a
// difference between two versions can be read.
func lines(c films.Collection) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	fmt.Fprintf(&b, "{\"dataset\":%q,\"version\":%q,\"license\":%q,\"films\":[\n", c.Dataset, c.Version, c.License)
	for i, f := range c.Films {
		_ = e.Encode(f) // a struct of strings and finite numbers, into memory
		if i < len(c.Films)-1 {
			b.Truncate(b.Len() - len("\n"))
			b.WriteString(",\n")
		}
	}
	b.WriteString("]}\n")
	return b.Bytes()
}

func origin(c films.Collection, counts counts) string {
	return fmt.Sprintf(`films.json is made from data/movies.json of the npm package %s, version %s
(https://github.com/vega/vega-datasets). The package states the licence
%s; its datapackage.json names no licence of movies.json's own.
Facts only are taken: titles, dates, names, figures. No text, no pictures.

The rules are those of the package comment in films.go. What they did:

%s`, c.Dataset, c.Version, c.License, counts)
}
