package projection

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A generator writes random documents. It spells the same value in many ways:
// with and without white space, with and without escape sequences.
type generator struct {
	*rand.Rand
	b     strings.Builder
	loose bool // white space and escaped keys
}

var keyNames = []string{"id", "name", "a", "b", "items", "price", "amount", "a_long_key_name", "a_long_key_other", "x-1"}

func document(seed uint64, loose bool) string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7)), loose: loose}
	if g.IntN(4) == 0 {
		g.array(5)
	} else {
		g.object(6)
	}
	return g.b.String()
}

func (g *generator) gap() {
	if g.loose && g.IntN(3) == 0 {
		g.b.WriteString([]string{" ", "\n\t", "\r\n  "}[g.IntN(3)])
	}
}

func (g *generator) value(depth int) {
	if depth > 0 && g.IntN(5) > 1 {
		if g.IntN(2) == 0 {
			g.object(depth)
		} else {
			g.array(depth)
		}
		return
	}
	scalars := []string{
		"null", "true", "false", "0", "-0", "12345678901234567890.000", "1e400", "-1.5E-7", `""`, `"é€😀"`,
		`"a \"quoted\" word, a \\ and a \/"`, `"\u00e9\ud83d\ude00\u0000"`, `"{[,]}: not structure"`, `"  spaces stay  "`,
		`"3f2504e0-4f89-11d3-9a0c-0305e82c3301"`, `"exactly8"`, `"seven 7"`,
	}
	g.b.WriteString(scalars[g.IntN(len(scalars))])
}

func (g *generator) object(depth int) {
	g.b.WriteByte('{')
	g.gap()
	for i, k := range g.Perm(len(keyNames))[:g.IntN(len(keyNames))] {
		if i > 0 {
			g.b.WriteByte(',')
			g.gap()
		}
		g.key(keyNames[k])
		g.gap()
		g.b.WriteByte(':')
		g.gap()
		g.value(depth - 1)
		g.gap()
	}
	g.b.WriteByte('}')
}

func (g *generator) key(name string) {
	if g.loose && g.IntN(6) == 0 {
		i := g.IntN(len(name))
		name = name[:i] + fmt.Sprintf(`\u%04x`, name[i]) + name[i+1:]
	}
	g.b.WriteString(`"` + name + `"`)
}

func (g *generator) array(depth int) {
	g.b.WriteByte('[')
	g.gap()
	for i := range g.IntN(5) {
		if i > 0 {
			g.b.WriteByte(',')
			g.gap()
		}
		g.value(depth - 1)
		g.gap()
	}
	g.b.WriteByte(']')
}

// mask writes a random mask; not every one of them compiles.
func mask(seed uint64) string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 11))}
	if g.IntN(4) == 0 {
		g.steps(2, true)
		if g.IntN(2) == 0 {
			g.members(3)
		}
	} else {
		g.members(4)
	}
	return g.b.String()
}

func (g *generator) members(depth int) {
	g.b.WriteByte('{')
	switch g.IntN(8) {
	case 0:
		g.b.WriteByte('*')
		g.steps(2, false)
		if depth > 0 && g.IntN(3) > 0 {
			g.members(depth - 1)
		}
		g.b.WriteByte('}')
		return
	case 1:
		g.exclusion(depth)
		return
	}
	for i, k := range g.Perm(len(keyNames))[:1+g.IntN(4)] {
		if i > 0 {
			g.b.WriteByte(',')
		}
		if g.IntN(4) == 0 {
			g.b.WriteString("alias" + strconv.Itoa(i) + ":")
		}
		g.b.WriteString(keyNames[k])
		g.steps(3, false)
		if depth > 0 && g.IntN(3) > 0 {
			g.members(depth - 1)
		}
	}
	g.b.WriteByte('}')
}

// paths writes up to three paths.
func paths(seed uint64) string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 13))}
	for range g.IntN(4) {
		if g.IntN(5) > 0 {
			g.b.WriteString(keyNames[g.IntN(len(keyNames))])
		} else {
			g.b.WriteString([]string{"*", "[]", "[1]"}[g.IntN(3)])
		}
		for range g.IntN(4) {
			switch g.IntN(6) {
			case 0:
				g.b.WriteString("[]")
			case 1:
				fmt.Fprintf(&g.b, "[%d]", g.IntN(3))
			case 2:
				g.b.WriteString(".*")
			default:
				g.b.WriteString("." + keyNames[g.IntN(len(keyNames))])
			}
		}
		g.b.WriteByte(' ')
	}
	return g.b.String()
}

// exclusion writes the members of an object of which some are left out.
func (g *generator) exclusion(depth int) {
	for i, k := range g.Perm(len(keyNames))[:1+g.IntN(3)] {
		switch {
		case i == 0:
			g.b.WriteString("-" + keyNames[k])
		case depth == 0:
			g.b.WriteString("," + keyNames[k] + "[]")
		default:
			g.b.WriteString("," + keyNames[k])
			g.members(depth - 1)
		}
	}
	g.b.WriteByte('}')
}

func (g *generator) steps(most int, first bool) {
	for i := range g.IntN(most + 1) {
		switch k := g.IntN(5); {
		case k == 0 && g.IntN(4) == 0 && (!first || i > 0):
			g.b.WriteString(".*")
		case k < 2 && (!first || i > 0):
			g.b.WriteString("." + keyNames[g.IntN(len(keyNames))])
		case k == 2:
			fmt.Fprintf(&g.b, "[%d]", g.IntN(3))
		case k == 3:
			fmt.Fprintf(&g.b, "[:%d]", 1+g.IntN(3))
		default:
			g.b.WriteString("[]")
		}
	}
}
