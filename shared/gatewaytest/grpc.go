package gatewaytest

import (
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	google "google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/triptych-bff/triptych/shared/protojson"
)

// serveGRPC answers any unary method of the service's descriptors from the
// record, or from the service itself when recording.
func (s *Services) serveGRPC(one *service, l net.Listener) (stop func()) {
	answer := s.replayGRPC
	end := func() {}
	if s.record {
		conn, err := grpc.NewClient(one.config.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			s.t.Fatal(err)
		}
		end = func() { _ = conn.Close() }
		answer = s.recordGRPC(conn)
	}
	server := grpc.NewServer(grpc.WaitForHandlers(true), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		return unary(one, stream, answer)
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return sync.OnceFunc(func() {
		server.Stop()
		<-done
		end()
	})
}

// grpcAnswer makes the answer to a request that reads as text in a record.
type grpcAnswer func(one *service, stream grpc.ServerStream, m *protojson.Method, in proto.Message, text string) (proto.Message, error)

// unary takes one request message and sends one answer.
func unary(one *service, stream grpc.ServerStream, answer grpcAnswer) error {
	full, _ := grpc.MethodFromServerStream(stream)
	name, method, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	m, err := one.files.Method(name, method)
	if err != nil {
		return status.Error(codes.Unimplemented, err.Error())
	}
	in := m.NewInput()
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	text, err := protojson.Append([]byte(full+" "), in)
	if err != nil {
		return err
	}
	out, err := answer(one, stream, m, in, string(text))
	if err != nil {
		return err
	}
	return stream.SendMsg(out)
}

func (s *Services) replayGRPC(one *service, stream grpc.ServerStream, m *protojson.Method, _ proto.Message, text string) (proto.Message, error) {
	e, ok := s.answer(one, text, stream.Context().Done())
	if err := stream.Context().Err(); err != nil { // nobody waits any more, or not here
		return nil, status.FromContextError(err).Err()
	}
	if !ok {
		return nil, status.Error(codes.Unimplemented, "not recorded")
	}
	if e.Status != int(codes.OK) {
		return nil, status.Error(codes.Code(e.Status), e.Text)
	}
	out := m.NewOutput()
	if err := google.Unmarshal(e.Body, out); err != nil {
		s.fault("%s: %s: %v", one.name, text, err)
		return nil, status.Error(codes.Internal, "bad record")
	}
	return out, nil
}

func (s *Services) recordGRPC(conn *grpc.ClientConn) grpcAnswer {
	return func(one *service, stream grpc.ServerStream, m *protojson.Method, in proto.Message, text string) (proto.Message, error) {
		out := m.NewOutput()
		err := conn.Invoke(stream.Context(), m.Name(), in, out)
		switch {
		case stream.Context().Err() != nil: // the gateway has given the call up
			return nil, err
		case status.Code(err) == codes.Unavailable:
			s.fault("%s: nothing to record for %s: %v", one.name, text, err)
			return nil, err
		}
		e := exchange{Request: text, Status: int(status.Code(err)), Text: status.Convert(err).Message()}
		if err == nil {
			e.Text = ""
			if e.Body, err = protojson.Append(nil, out); err != nil {
				return nil, err
			}
		}
		one.note(e)
		return out, err
	}
}
