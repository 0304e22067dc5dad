package http1

import (
	"net/netip"
	"strings"
)

// checkTarget takes the four forms of RFC 9112 §3.2. Which of them a method may
// have is for whoever answers, but a CONNECT names no URL, and only a CONNECT a
// mere host.
func checkTarget(target string, connect bool) error {
	switch {
	case target == "" || !all(target, &isVisible):
		return Target
	case target[0] == '/':
		return checkPath(target)
	case connect:
		return must(isAuthority(target, true), Target)
	case target == "*":
		return nil
	}
	return checkURL(target)
}

// checkPath takes a path, which may be empty, and perhaps a query. The query is
// nobody's before it is decoded.
func checkPath(target string) error {
	path, _, _ := strings.Cut(target, "?")
	return must(isEscaped(path), Escape)
}

// isEscaped is whether two hexadecimal digits follow every "%".
func isEscaped(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		switch {
		case i < 0:
			return true
		case i+2 >= len(s) || !isHex[s[i+1]] || !isHex[s[i+2]]:
			return false
		}
		s = s[i+3:]
	}
}

// checkURL takes a URL with a host in it, as proxies are sent (RFC 3986 §4.3).
func checkURL(target string) error {
	scheme, rest, found := strings.Cut(target, "://")
	if !found || !isScheme(scheme) {
		return Target
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	if user, behind, found := strings.Cut(host, "@"); found {
		if !all(user, &isUser) || !isEscaped(user) {
			return Target
		}
		host = behind
	}
	if !isAuthority(host, false) {
		return Target
	}
	return checkPath(rest[end:])
}

// isScheme is a letter, and letters, digits and few signs behind it (RFC 3986 §3.1).
func isScheme(s string) bool {
	return s != "" && ('a' <= s[0]|0x20 && s[0]|0x20 <= 'z') && all(s, &isSchemeByte)
}

// isAuthority is a host, and a port, which may be missing or empty where it need
// not be named. Hosts are not decoded: "%" is in none.
func isAuthority(s string, named bool) bool {
	end := strings.IndexByte(s, ':')
	if strings.HasPrefix(s, "[") {
		end = strings.IndexByte(s, ']') + 1
	} else if end < 0 {
		end = len(s)
	}
	host, rest := s[:end], s[end:]
	port, colon := strings.CutPrefix(rest, ":")
	return isHost(host) && (colon || rest == "") && all(port, &isDigit) && (port != "" || !named)
}

// isHost is a name, or an address, which has brackets when it is of IPv6 (RFC 3986
// §3.2.2).
func isHost(s string) bool {
	inner, bracket := strings.CutPrefix(s, "[")
	if !bracket {
		return s != "" && all(s, &isName)
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
	return err == nil && address.Is6() && address.Zone() == ""
}

// The classes of bytes in a URL (RFC 3986 §2.2, §2.3).
var (
	isDigit      = class(func(c byte) bool { return '0' <= c && c <= '9' })
	isName       = class(func(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0 })
	isUser       = class(func(c byte) bool { return isName[c] || c == ':' || c == '%' })
	isSchemeByte = class(func(c byte) bool { return isAlphanumeric(c) || c == '+' || c == '-' || c == '.' })
)

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
