// SPDX-License-Identifier: GPL-2.0-or-later

// A program that stores pointers while its garbage is collected, and looks at
// each of them: what xchg %rax,%r8 exchanges wrongly, it dereferences.
//
//	barrier GOROUTINES MILLISECONDS
//
// store() hands the pointer over in R8. So the compilers of Go 1.17 to 1.20 have
// runtime.gcWriteBarrierR8 store it, which begins with the two bytes 49 90. Later
// ones have no such function; swap() executes the same two bytes, with any.
//
// Ends with status 0 and the number of stores and swaps, or dies.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type node struct {
	next  *node
	value int
}

type holder struct {
	nodes [8]*node
}

// swap returns its arguments the other way round: swap_amd64.s.
func swap(a, b uintptr) (uintptr, uintptr)

// The sixth word goes to R8: rax, rbx, rcx, rdi, rsi, r8.
//
//go:noinline
func store(to *holder, at, b, c, d int, n *node) int {
	to.nodes[at] = n
	return at + b + c + d
}

func wrong(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "barrier: "+format+"\n", values...)
	os.Exit(3)
}

func stores(h *holder, r int) {
	for i := range h.nodes {
		before := &node{value: r}
		n := &node{next: before, value: r + i}
		if store(h, i, r, 2, 3, n) != i+r+5 {
			wrong("store returned something else")
		}
		if h.nodes[i] != n {
			wrong("stored %p, found %p", n, h.nodes[i])
		}
	}
	for i, n := range h.nodes {
		if n.value != r+i || n.next.value != r {
			wrong("a node holds %d and %d, not %d and %d", n.value, n.next.value, r+i, r)
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: barrier GOROUTINES MILLISECONDS")
		os.Exit(2)
	}
	goroutines, _ := strconv.Atoi(os.Args[1])
	limit, _ := strconv.Atoi(os.Args[2])
	var nr, swaps int64
	var all sync.WaitGroup
	var over atomic.Bool

	debug.SetGCPercent(1)
	time.AfterFunc(time.Duration(limit)*time.Millisecond, func() { over.Store(true) })
	for g := 0; g < goroutines; g++ {
		all.Add(1)
		go func(g int) {
			defer all.Done()
			h := new(holder)
			for r := g; !over.Load(); r++ {
				stores(h, r)
				a, b := swap(1, uintptr(r))
				if a != uintptr(r) || b != 1 {
					wrong("swap(1, %d) is %d, %d", r, a, b)
				}
				atomic.AddInt64(&swaps, 1)
				atomic.AddInt64(&nr, int64(len(h.nodes)))
				runtime.Gosched()
			}
		}(g)
	}
	all.Wait()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Printf("stores %d swaps %d collections %d\n", nr, swaps, stats.NumGC)
}
