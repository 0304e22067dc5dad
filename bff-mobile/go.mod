module github.com/triptych-bff/triptych/bff-mobile

go 1.26.0
