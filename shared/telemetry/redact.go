package telemetry

import (
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// redact hides what must never stand in a log: the values of attributes whose
// names say that they hold a credential, whoever logs them.
func redact(_ []string, a slog.Attr) slog.Attr {
	switch name := strings.ToLower(a.Key); {
	case strings.Contains(name, "authorization"),
		strings.Contains(name, "cookie"),
		strings.Contains(name, "password"),
		strings.Contains(name, "secret"),
		strings.HasSuffix(name, "token"),
		strings.HasSuffix(name, "api_key"),
		strings.HasSuffix(name, "api-key"):
		return slog.String(a.Key, redacted)
	}
	return a
}
