package importer

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows the progress of a run.
type Progress interface {
	// Start begins a phase. done counts the part that earlier runs did. all is the size of the
	// phase, or 0 if it is not known.
	Start(phase string, done, all int64)
	// Read adds n lines that were read.
	Read(n int)
	Stop()
}

// Bar returns a progress bar for a terminal.
func Bar(w io.Writer) Progress { return &bar{w: w} }

type bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

// Start shows a bar of the remaining part, so that the rate and the time left are of this run.
func (b *bar) Start(phase string, done, all int64) {
	left := all - done
	if all == 0 {
		left = -1
	}
	if done > 0 {
		phase += fmt.Sprintf(" (%d done before)", done)
	}
	b.bar = progressbar.NewOptions64(left,
		progressbar.OptionSetWriter(b.w), progressbar.OptionSetDescription(phase), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("lines"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(left > 0), progressbar.OptionOnCompletion(func() { fmt.Fprintln(b.w) }))
}

func (b *bar) Read(n int) { _ = b.bar.Add(n) } // a bar that fails is not a failure of the run
func (b *bar) Stop()      { _ = b.bar.Finish() }

// Lines returns a progress that prints a plain line every 10 seconds, for output that is not a
// terminal.
func Lines(w io.Writer) Progress {
	return &lines{w: w, every: 10 * time.Second, now: time.Now}
}

type lines struct {
	w     io.Writer
	every time.Duration
	now   func() time.Time

	mu          sync.Mutex
	phase       string
	done, all   int64
	read        int64 // in this run
	start, last time.Time
}

func (l *lines) Start(phase string, done, all int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase, l.done, l.all, l.read = phase, done, all, 0
	l.start = l.now()
	l.last = l.start
}

func (l *lines) Read(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read += int64(n)
	now := l.now()
	if now.Sub(l.last) < l.every {
		return
	}
	l.last = now
	l.print(now.Sub(l.start))
}

func (l *lines) print(took time.Duration) {
	done := l.done + l.read
	fmt.Fprintf(l.w, "%s: %d read, %.0f a second", l.phase, done, float64(l.read)/took.Seconds())
	if l.all > 0 && l.read > 0 {
		left := time.Duration(float64(took) * float64(l.all-done) / float64(l.read))
		fmt.Fprintf(l.w, ", %d %% of %d, %s left", done*100/l.all, l.all, left.Round(time.Second))
	}
	fmt.Fprintln(l.w)
}

func (l *lines) Stop() {}
