// Package compression chooses a content coding and applies it: zstd (RFC 8878)
// or gzip (RFC 1952), with klauspost/compress.
//
// [Compressor.Negotiate] reads Accept-Encoding with its weights (RFC 9110
// §12.5.3). [Compressor.Encode] encodes a body that is complete: it refuses
// bodies below the minimum size, and results that save less than a tenth,
// because those cost the client more than they spare it. [Compressor.Handler]
// encodes what a handler writes while it writes it: a flush passes through the
// encoder, so events reach the client when they are sent.
//
// A coded answer is another representation. So every answer says Vary:
// Accept-Encoding, coded or not, and a strong ETag gets the coding as a suffix
// (RFC 9110 §8.8.3.3), which is taken off again before a handler compares
// If-None-Match or If-Match.
//
// Left as they are: answers that already are coded, that carry a digest of
// their bytes or Cache-Control: no-transform, partial ones, and those whose
// type does not promise text.
//
// Encoders are pooled and work on the caller's goroutine. zstd looks back
// 128 KiB, which costs under 1 % of size and keeps an encoder below 1 MB; its
// fastest level makes answers of a few kilobytes as small as gzip does, for
// little more than half of the work. gzip uses level 5: beyond it, time grows
// and size does not shrink.
//
// Brotli and shared dictionaries are not offered, and bodies of requests are
// not decoded. An answer that repeats input of its caller beside a secret must
// not be compressed at all (BREACH): give it Cache-Control: no-transform.
package compression
