package http1

// isText is all(s, &isValue). Values are most of a head, so it goes by eight bytes:
// in each of them at once, a borrow shows what is below the space, and what a
// DEL leaves of itself. Both may also show in the byte above a true one, and a
// tab always shows, so that such eight are looked at again.
func isText(s string) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		del := w ^ each*0x7f
		if ((w-each*' ')&^w|(del-each)&^del)&top != 0 && !all(s[:8], &isValue) {
			return false
		}
	}
	return all(s, &isValue)
}
