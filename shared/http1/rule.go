package http1

// A Rule is one that a message breaks. It is an error, and every error of a
// parser is one. What a rule says is for whoever has sent the message, and holds
// nothing of it.
type Rule uint8

// The rules.
const (
	StartLine Rule = iota + 1
	Version
	Target
	Escape
	StatusCode
	Reason
	LineEnd
	FieldName
	Folded
	FieldValue
	HostField
	LengthField
	CodingField
	LengthAndCoding
	CodingIn10
	NoBodyAllowed
	TrailerField
	Expectation
	ChunkSize
	ChunkExtension
	ChunkEnd
	Trailers
	TrailersTooLong
	LineTooLong
	HeadTooLong
	FieldTooLong
	TooManyFields
)

// rules says what each rule is, and where it stands. A bound stands nowhere:
// RFC 9110 §5.4 leaves it to the recipient.
var rules = [...]struct{ section, text string }{
	StartLine:       {"RFC 9112 §3, §4", "The first line is malformed."},
	Version:         {"RFC 9112 §2.3", "The protocol is not HTTP/1.1."},
	Target:          {"RFC 9112 §3.2", "The request target is malformed."},
	Escape:          {"RFC 3986 §2.1", `the path has a "%" that two hexadecimal digits do not follow`},
	StatusCode:      {"RFC 9110 §15", "The status is none."},
	Reason:          {"RFC 9112 §4", "The reason has a character that none may have."},
	LineEnd:         {"RFC 9112 §2.2", "A line ends with LF alone."},
	FieldName:       {"RFC 9112 §5.1", "A header's name is missing or malformed."},
	Folded:          {"RFC 9112 §5.2", "A header is folded over several lines."},
	FieldValue:      {"RFC 9110 §5.5", "A header's value has a character that none may have."},
	HostField:       {"RFC 9112 §3.2", "The Host header is missing, malformed or given twice."},
	LengthField:     {"RFC 9110 §8.6", "Content-Length is malformed or given twice."},
	CodingField:     {"RFC 9112 §6.1", "Transfer-Encoding is not chunked, or given twice."},
	LengthAndCoding: {"RFC 9112 §6.3", "Content-Length and Transfer-Encoding exclude each other."},
	CodingIn10:      {"RFC 9112 §6.1", "HTTP/1.0 has no Transfer-Encoding."},
	NoBodyAllowed:   {"RFC 9112 §6.1, RFC 9110 §8.6", "An answer that has no body announces one."},
	TrailerField:    {"RFC 9110 §6.5.1", "The Trailer header names one that none may be."},
	Expectation:     {"RFC 9110 §10.1.1", "The only expectation that can be met is 100-continue."},
	ChunkSize:       {"RFC 9112 §7.1", "The size of a chunk is malformed."},
	ChunkExtension:  {"RFC 9112 §7.1.1", "The extensions of a chunk are malformed or too long."},
	ChunkEnd:        {"RFC 9112 §7.1", "A chunk does not end where its size says."},
	Trailers:        {"RFC 9112 §7.1.2", "A trailer is malformed, or none may be."},
	TrailersTooLong: {"RFC 9110 §6.5", "The trailers are too long."},
	LineTooLong:     {"RFC 9112 §3", "The first line is too long."},
	HeadTooLong:     {"RFC 9110 §5.4", "The head is too long."},
	FieldTooLong:    {"RFC 9110 §5.4", "A header is too long."},
	TooManyFields:   {"RFC 9110 §5.4", "There are too many headers."},
}

// Error is what the rule says.
func (r Rule) Error() string { return rules[r].text }

// Section is where the rule stands.
func (r Rule) Section() string { return rules[r].section }
