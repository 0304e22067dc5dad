package main

import (
	"regexp"
	"strings"
)

// changes is the section of a changelog about one version: what stands below
// "## v0.2.0", up to the next heading of that level. It is empty when there is none,
// or nothing in it.
func changes(changelog, version string) string {
	heading := regexp.MustCompile(`^## \[?` + regexp.QuoteMeta(version) + `\]?(\s|$)`)
	var section []string
	inside := false
	for line := range strings.Lines(changelog) {
		if strings.HasPrefix(line, "## ") {
			inside = heading.MatchString(line)
			continue
		}
		if inside {
			section = append(section, line)
		}
	}
	return strings.TrimSpace(strings.Join(section, ""))
}

// announcesBreak tells whether a section has a heading "Breaking".
func announcesBreak(section string) bool {
	return regexp.MustCompile(`(?mi)^###+ breaking\b`).MatchString(section)
}
