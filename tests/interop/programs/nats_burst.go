// The shapes of `nats bench` with the official Go client, on a hub's Unix socket: run by
// tests/interop/bursts.py.
//
//	nats_burst ADDRESS PUBLISHERS SUBSCRIBERS MESSAGES SIZE   a connection for each
//	nats_burst ADDRESS itself MESSAGES SIZE                   one connection that hears itself
//
// Ends once each subscriber has all messages, and says so; each subscriber looks at their order.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Far more than anything here takes on a busy machine, and less than the script waits.
const deadline = 100 * time.Second

const subject = "burst"

func connect(path string) *nats.Conn {
	return dial(path, nats.NoReconnect(),
		nats.ClosedHandler(func(conn *nats.Conn) { must(conn.LastError()) }))
}

// Who has read all of them is in done.
func subscribe(conn *nats.Conn, publishers, each int, done chan<- bool) {
	next := make([]uint64, publishers)
	left := publishers * each
	subscription, err := conn.Subscribe(subject, func(message *nats.Msg) {
		publisher := binary.LittleEndian.Uint32(message.Data)
		number := binary.LittleEndian.Uint64(message.Data[4:])
		if number != next[publisher] {
			must(fmt.Errorf("message %d of publisher %d came where %d is next", number, publisher, next[publisher]))
		}
		next[publisher]++
		if left--; left == 0 {
			done <- true
		}
	})
	must(err)
	must(subscription.SetPendingLimits(-1, -1))
	must(conn.FlushTimeout(deadline))
}

func publish(conn *nats.Conn, publisher, each, size int) {
	message := make([]byte, size)
	binary.LittleEndian.PutUint32(message, uint32(publisher))
	for number := 0; number < each; number++ {
		binary.LittleEndian.PutUint64(message[4:], uint64(number))
		must(conn.Publish(subject, message))
	}
	must(conn.FlushTimeout(deadline))
}

func main() {
	path, itself := os.Args[1], os.Args[2] == "itself"
	arguments := os.Args[2:]
	if itself {
		arguments = append([]string{"1", "1"}, os.Args[3:]...)
	}
	var numbers []int
	for _, argument := range arguments {
		number, err := strconv.Atoi(argument)
		must(err)
		numbers = append(numbers, number)
	}
	publishers, subscribers, each, size := numbers[0], numbers[1], numbers[2]/numbers[0], numbers[3]
	done := make(chan bool, subscribers)
	var conn *nats.Conn
	for range make([]bool, subscribers) {
		conn = connect(path)
		subscribe(conn, publishers, each, done)
	}
	for publisher := 0; publisher < publishers; publisher++ {
		if !itself {
			conn = connect(path)
		}
		go publish(conn, publisher, each, size)
	}
	for range make([]bool, subscribers) {
		select {
		case <-done:
		case <-time.After(deadline):
			must(fmt.Errorf("not all of %d messages came in %v", publishers*each, deadline))
		}
	}
	fmt.Println("everything came in order")
}
