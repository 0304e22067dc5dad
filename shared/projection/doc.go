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
//	prices{*{net}}   every member of the object "prices", under its own name
//	prices.*.net     the object of the nets by those names, written as "net"
//	user{-email}     the object "user" without this member
//
// '*' goes through the members of an object as "[]" does through the elements of
// an array. In braces it stands alone, because nothing is left beside it: {*} is
// any object, whole.
//
// Beside a member that is excluded with '-', all others of the object are copied;
// one that is also listed with {…}, [] or [:n] behind it is projected where it
// stands: {-email,address{city}}. There is no renaming and no flattening in such an
// object, so that no two members meet under one name.
//
// A document that is an array has a mask that starts with the array: []{id},
// [:3]{id}, [0]{id}. Names are made of letters, digits, '_' and '-', and do not
// begin with '-'. White space may stand between any two symbols. A mask has at most 64 levels and selects at
// most 64 members of one object.
//
// [Mask.Narrow] restricts a mask to what a client chose of its output, with a
// [Selection] such as items(id,title),next.
//
// # Passes
//
// A [Pass] joins a mask with paths and limits: while it projects, it notes where
// the values at the paths stand, selected or not, and refuses what nests too deep
// or holds too long an array. [Members] and [Elements] take a document apart.
//
// # Faults in masks
//
// A mask says each thing once. Compile refuses two members with the same output
// name, a member that is both copied and descended into, and two elements of the
// same array (images[0] and images[1]). The error is a [*SyntaxError]: it says
// where, and what was expected there.
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
// whole or skipped, and among members that nobody named, repeated keys are not
// looked for. Of an excluded one none is written. A document that fails adds
// nothing to the output: the error is a [*DocumentError]. A document that is null
// projects to null.
//
// # Cost
//
// A pass and the readers allocate nothing but the growth of their destinations,
// and read only the bytes they are given; the reads without bounds checks stand in
// load.go, with what makes them safe. README.md shows how they compare with other
// ways to do the same. The speed comes from four things: nothing is decoded,
// strings and digits are read eight bytes at a time, a short key is compared in one
// word, first with the one that is expected, and the output is written once.
//
// A pass recurses as deep as its mask and its paths, never as deep as the
// document; a path recurses once more for each array directly in an array, up to
// the limit of depth. An object of which a pass names more than 64 members costs
// an allocation.
package projection
