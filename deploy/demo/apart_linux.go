package main

import "syscall"

// apart keeps the terminal's Ctrl-C from the children, which are stopped in order,
// and lets none of them outlive this process, however it ends.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
