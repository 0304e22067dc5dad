package aggregation

import (
	"fmt"
	"net/http"

	"github.com/triptych-bff/triptych/shared/problem"
	"github.com/triptych-bff/triptych/shared/upstream"
)

// refusal is what a service's refusal means to the client. What a service says
// of our request to it is not the client's business, but that a thing does not
// exist or is not allowed is; and so is why a change that the client wished was
// not made.
func (c *call) refusal(response *upstream.Response) *problem.Problem {
	cause := fmt.Errorf("status %d", response.Status)
	if response.Detail != "" {
		cause = fmt.Errorf("%w: %s", cause, response.Detail)
	}
	switch response.Status {
	case http.StatusNotFound, http.StatusGone:
		return problem.NotFound.Wrap(cause, "")
	case http.StatusUnauthorized:
		return problem.Unauthenticated.Wrap(cause, "A service that this answer needs wants to know better who you are.")
	case http.StatusForbidden:
		return problem.Forbidden.Wrap(cause, "")
	case http.StatusTooManyRequests:
		return problem.Overloaded.Wrap(cause, "")
	}
	if c.unsafe {
		return refusedChange(response.Status, cause)
	}
	if c.request.RPC != nil && response.Status == http.StatusGatewayTimeout {
		return problem.UpstreamTimeout.Wrap(cause, "") // DEADLINE_EXCEEDED: it was told our own deadline
	}
	return problem.BadUpstream.Wrap(cause, "")
}

// refusedChange tells a change that was refused from one of which nobody knows:
// a redirection often means that it was made, and any status from 500 on, 503
// included, may come from a proxy that has passed the request on.
func refusedChange(status int, cause error) *problem.Problem {
	switch {
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		return problem.BadRequest.Wrap(cause, "The service does not accept these values.")
	case status == http.StatusPaymentRequired:
		return problem.PaymentRequired.Wrap(cause, "")
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return problem.Conflict.Wrap(cause, "What is there already does not allow this.")
	case status < 400, status >= 500:
		return unknown(cause)
	}
	return problem.BadUpstream.Wrap(cause, "")
}
