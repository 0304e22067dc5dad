// Package ratelimit decides who has asked too often.
//
// [Decide] is the whole idea, as a pure function: the generic cell rate
// algorithm. Of each caller it remembers one moment, the theoretical arrival
// time (TAT): when the caller's allowance will be whole again. A request moves
// it on by its share of the period, and is refused if that would put it
// further ahead of now than the burst reaches. So within any time t no more
// than burst + rate × t is admitted, there is no window at whose edge twice as
// much would pass, and nothing has to be reset.
//
// A [Limiter] keeps these moments in memory, one process's worth. Its table is
// bounded, and holds nothing about a caller whose allowance is whole: that is
// what a new caller has too. When the table is full, whoever would be whole
// again soonest is forgotten first: the idle before anyone in debt, and the
// least in debt before those who are over their limit. A flood of new callers
// therefore pushes out itself, not the record of a caller that is being
// refused. What was forgotten while it mattered is counted: [Limiter.Forgotten].
//
// A request may be under several policies, such as one for its user and one
// for its address. [Limiter.AllowAll] charges all of them or none, so that a
// request refused by one does not drain the others.
//
// Keys consist of the policy's name and the caller, and of nothing else: a
// policy used by many routes is one allowance, and a reload that changes a rate
// keeps what callers have used.
package ratelimit
