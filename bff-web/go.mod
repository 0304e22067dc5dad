module github.com/triptych-bff/triptych/bff-web

go 1.26.0
