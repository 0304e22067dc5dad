// Package projection selects from JSON without decoding it: a compiled field
// mask turns the bytes of an answer into the bytes that a client wants, and a
// compiled path finds single values in them.
//
// # Masks
//
// [Compile] reads a mask once, at start; [Mask.Project] applies it in one pass
// that validates, selects and writes. A mask says what the output looks like:
//
//	{id,name,image:images[0].url,items[:3]{id,price:price.amount}}
//
//	id               the member "id", as it is
//	user{id,name}    the object "user", only with these members
//	name:title       the member "title", written under "name"
//	price.amount     a member of a member, written into this object as "amount"
//	images[0].url    the same through one element of an array, counted from 0
//	items[]{id}      every element of the array "items"
//	items[:3]{id}    the first three of them at most
//	tags[].name      the array of the names, written as "name"
//
// A document that is an array has a mask that starts with the array: []{id},
// [:3]{id}, [0]{id}. Names are made of letters, digits, '_' and '-'. White space
// may stand between any two symbols. A mask has at most 64 levels and selects at
// most 64 members of one object.
//
// A mask says each thing once. Compile refuses two members with the same output
// name, a member that is both copied and descended into, and two elements of the
// same array (images[0] and images[1]). It also refuses what this release does
// not know: wildcards and exclusions.
//
// # What is copied, and what is refused
//
// Members keep the order of the document. Strings and numbers are copied byte for
// byte: 12345678901234567890.000 and "\ud800" stay what they are. White space
// between tokens is dropped, so the output is compact whatever the input was.
// Where a mask descends and finds null or another type, a member with a name of
// its own becomes null, and what would have been flattened out of it is absent.
//
// Every byte of the document is validated, the skipped ones like the copied ones:
// the grammar of RFC 8259, UTF-8 (a byte order mark is refused), and a nesting of
// at most [MaxDepth]. Keys are compared as the strings they mean, so
// "\u0069d" is id. A selected key that occurs twice in an object is
// refused, because parsers disagree on which one counts; in parts that are copied
// whole or skipped, repeated keys are not looked for. A document that fails adds
// nothing to the output: the error is a [*DocumentError].
//
// # Cost
//
// Project and the readers allocate nothing but the growth of their destination,
// read only the bytes they are given, and use no unsafe code. README.md shows how
// they compare with other ways to do the same. The speed comes from four things:
// nothing is decoded, strings are read eight bytes at a time, most keys that are
// not selected are dismissed by one bit test, and the output is written once.
// Projection recurses as deep as the mask, never as deep as the document; a path
// recurses once more for each array directly in an array, up to MaxDepth.
package projection
