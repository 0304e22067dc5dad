// Package signed is for values that a client is handed and brings back, such as
// cursors and links: nobody but a holder of the keys can make one or change one.
//
// A signed value is not secret. Whoever holds the text can read what is in it;
// only changing it is noticed. What a client must not see does not belong there.
// Nor is it a session: it is good for whoever brings it, as often as they bring it,
// until it expires. What is for one caller alone has that caller in the value or
// in the purpose.
//
// The text is URL-safe base64 without padding (RFC 4648 §5) of
//
//	version  1 byte   1
//	key      2 bytes  which key signed; see below
//	expiry   8 bytes  seconds since 1970, big-endian, signed
//	value    any number of bytes
//	mac     32 bytes  HMAC-SHA-256 (RFC 2104)
//
// The MAC is over a label that only this format has, the length of the purpose in
// 8 bytes, the purpose, and everything before the MAC. So no two sets of purpose,
// expiry and value are signed alike, and what else is done with the same secret
// never gives a MAC that is good here. The two bytes that say which key signed are
// the beginning of another HMAC with it: they spare attempts, and prove nothing.
package signed
