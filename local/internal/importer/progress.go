package importer

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a run is.
type Progress interface {
	Start(done int64)
	// Read says how many more were read, and where in a file that was.
	Read(n int, offset int64)
	Stop()
}

// Bar is for a terminal. size is a file's, in bytes; 0 where the end is not known.
func Bar(w io.Writer, size int64) Progress {
	total := size
	if total == 0 {
		total = -1
	}
	return &bar{isFile: size > 0, bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("import"), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("customers"), progressbar.OptionShowBytes(size > 0), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(size > 0), progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))}
}

type bar struct {
	isFile bool
	bar    *progressbar.ProgressBar
}

func (b *bar) Start(done int64) {
	if !b.isFile {
		_ = b.bar.Add64(done) // it is for the eyes alone
	}
}

func (b *bar) Read(n int, offset int64) {
	if b.isFile {
		_ = b.bar.Set64(offset)
		return
	}
	_ = b.bar.Add(n)
}

func (b *bar) Stop() { _ = b.bar.Finish() }

// Lines is for what is no terminal: a plain line every ten seconds.
func Lines(w io.Writer, size int64) Progress {
	return &lines{w: w, size: size, every: 10 * time.Second}
}

type lines struct {
	w     io.Writer
	size  int64
	every time.Duration

	mu            sync.Mutex
	read, offset  int64
	before, begun int64 // read before this run; where in the file it began
	start, last   time.Time
}

func (l *lines) Start(done int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before, l.start, l.last = done, time.Now(), time.Now()
	l.begun = -1
}

func (l *lines) Read(n int, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun < 0 {
		l.begun = l.offset
	}
	l.read += int64(n)
	l.offset = offset
	if time.Since(l.last) < l.every {
		return
	}
	l.last = time.Now()
	l.print()
}

func (l *lines) print() {
	took := time.Since(l.start)
	fmt.Fprintf(l.w, "%d read, %.0f a second", l.before+l.read, float64(l.read)/took.Seconds())
	if done := l.offset - l.begun; l.size > 0 && done > 0 {
		left := time.Duration(float64(took) * float64(l.size-l.offset) / float64(done))
		fmt.Fprintf(l.w, ", %d %% of the file, %s left", l.offset*100/l.size, left.Round(time.Second))
	}
	fmt.Fprintln(l.w)
}

func (l *lines) Stop() {}
