// Package protojson turns JSON into protobuf messages and back, by descriptors
// that are read at run time: a gateway speaks to any gRPC service without code
// generated for it.
//
// [Load] reads a descriptor set, the file that "protoc --include_imports
// --descriptor_set_out" or "buf build" writes. Everything of it stays in the
// returned [Files]: nothing is registered for the whole program, so two services
// may have two versions of one file. A [Method] is found once, when a route or a
// call is compiled; it then decodes requests ([Method.Decode]) and makes the
// messages that answers are received in, which [Append] writes as JSON. Plans
// that name fields are checked against the descriptors with [Method.CheckInput]
// and [Method.CheckOutput].
//
// The mapping is the ProtoJSON format of the protobuf documentation, carried out
// by google.golang.org/protobuf, with these choices: members have the names of
// the .proto file (book_id, not bookId); fields without presence are written even
// when they have their default; 64-bit integers are strings; output is compact
// and the same bytes for the same message. On the way in, both spellings of a
// name are accepted, and an unknown name is an error.
//
// Descriptors come from a set only; gRPC server reflection is not asked.
package protojson
