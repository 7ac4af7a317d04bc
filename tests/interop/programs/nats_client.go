// The official Go client of NATS on a hub: run by tests/interop/go_nats.py. ADDRESS is a URL, or the
// path of a Unix socket.
//
//	nats_client suite ADDRESS    tries each of the sentences below, prints those that hold
//	nats_client return ADDRESS   a hub that goes and comes back; prints how far it is
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

// Far more than anything here takes on a busy machine.
const deadline = 30 * time.Second

func connect(path string, options ...nats.Option) *nats.Conn {
	return dial(path, append(options, nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(func(int) time.Duration { return time.Millisecond }))...)
}

// Each has a connection of its own, and what it leaves behind ends with that.
var sentences = []struct {
	text string
	try  func(conn *nats.Conn, path string) error
}{
	{"a message reaches its subscriber", messageArrives},
	{"wildcards stand for one token or for all that are left", wildcardsMatch},
	{"each message goes to one of a queue group", groupShares},
	{"a request is answered", requestIsAnswered},
	{"headers are carried there and back", headersAreCarried},
	{"a request to which nobody listens fails at once", nobodyListens},
	{"a subscription ends after as many messages as it was told", subscriptionEnds},
	{"who wants no echo gets none", noEcho},
	{"the largest message passes, and a larger one is not sent", largestPasses},
	{"a drained subscription gets all that was published before", drainedSubscription},
	{"a drained connection has said and heard all", drainedConnection},
	{"the way there and back can be measured", roundTrip},
}

func subscribe(conn *nats.Conn, subject string) *nats.Subscription {
	subscription, err := conn.SubscribeSync(subject)
	must(err)
	return subscription
}

func wants(subscription *nats.Subscription, texts ...string) error {
	for _, text := range texts {
		message, err := subscription.NextMsg(deadline)
		if err != nil {
			return err
		}
		if string(message.Data) != text {
			return fmt.Errorf("%q instead of %q", message.Data, text)
		}
	}
	return nil
}

func publish(conn *nats.Conn, subject string, texts ...string) {
	for _, text := range texts {
		must(conn.Publish(subject, []byte(text)))
	}
}

func messageArrives(conn *nats.Conn, path string) error {
	subscription := subscribe(conn, "news")
	must(conn.Flush())
	other := connect(path)
	defer other.Close()
	publish(other, "news", "one", "", "three")
	return wants(subscription, "one", "", "three")
}

func wildcardsMatch(conn *nats.Conn, _ string) error {
	one, rest := subscribe(conn, "news.*.today"), subscribe(conn, "news.>")
	publish(conn, "news.rain.today", "a")
	publish(conn, "news.rain", "b")
	publish(conn, "news.rain.today.late", "c")
	publish(conn, "news", "d")
	if err := wants(rest, "a", "b", "c"); err != nil {
		return err
	}
	if err := wants(one, "a"); err != nil {
		return err
	}
	must(conn.Flush()) // now all that was published has come
	more, _, _ := one.Pending()
	evenMore, _, _ := rest.Pending()
	if more+evenMore > 0 {
		return fmt.Errorf("%d and %d more came", more, evenMore)
	}
	return nil
}

func groupShares(conn *nats.Conn, path string) error {
	const count = 200
	got := make(chan *nats.Msg, 3*count)
	members := [3]*nats.Conn{}
	for i := range members {
		members[i] = connect(path)
		defer members[i].Close()
		_, err := members[i].ChanQueueSubscribe("jobs", "workers", got)
		must(err)
		must(members[i].Flush())
	}
	all := subscribe(conn, "jobs")
	for i := 0; i < count; i++ {
		publish(conn, "jobs", fmt.Sprint(i))
	}
	must(conn.Flush())
	seen := map[string]bool{}
	for i := 0; i < count; i++ {
		message := <-got
		seen[string(message.Data)] = true
	}
	for _, member := range members {
		must(member.Flush())
	}
	if pending, _, _ := all.Pending(); len(seen) != count || len(got) > 0 || pending != count {
		return fmt.Errorf("%d, %d more, and %d without a group", len(seen), len(got), pending)
	}
	return nil
}

func requestIsAnswered(conn *nats.Conn, path string) error {
	responder := connect(path)
	defer responder.Close()
	_, err := responder.Subscribe("capitals", func(message *nats.Msg) {
		must(message.Respond(bytes.ToUpper(message.Data)))
	})
	must(err)
	must(responder.Flush())
	for _, old := range []bool{false, true} { // an inbox for all of them, or one for each
		requester := conn
		if old {
			requester = connect(path, nats.UseOldRequestStyle())
			defer requester.Close()
		}
		for _, word := range []string{"one", "two"} {
			answer, err := requester.Request("capitals", []byte(word), deadline)
			if err != nil {
				return err
			}
			if string(answer.Data) != string(bytes.ToUpper([]byte(word))) {
				return fmt.Errorf("%q to %q", answer.Data, word)
			}
		}
	}
	return nil
}

func headersAreCarried(conn *nats.Conn, _ string) error {
	_, err := conn.Subscribe("echo", func(message *nats.Msg) {
		answer := nats.NewMsg(message.Reply)
		answer.Header = message.Header
		answer.Header.Add("Seen", "yes")
		answer.Data = message.Data
		must(conn.PublishMsg(answer))
	})
	must(err)
	question := nats.NewMsg("echo")
	question.Data = []byte("hello")
	question.Header.Add("Colour", "red")
	question.Header.Add("Colour", "blue")
	answer, err := conn.RequestMsg(question, deadline)
	if err != nil {
		return err
	}
	colours := answer.Header.Values("Colour")
	if len(colours) != 2 || colours[1] != "blue" || answer.Header.Get("Seen") != "yes" ||
		string(answer.Data) != "hello" {
		return fmt.Errorf("%v %q", answer.Header, answer.Data)
	}
	return nil
}

func nobodyListens(conn *nats.Conn, _ string) error {
	if _, err := conn.Request("nobody", nil, deadline); err != nats.ErrNoResponders {
		return fmt.Errorf("it says %v", err)
	}
	return nil
}

func subscriptionEnds(conn *nats.Conn, _ string) error {
	limited, all := subscribe(conn, "news"), subscribe(conn, "news")
	must(limited.AutoUnsubscribe(2))
	publish(conn, "news", "one", "two", "three")
	if err := wants(all, "one", "two", "three"); err != nil {
		return err
	}
	if err := wants(limited, "one", "two"); err != nil {
		return err
	}
	if _, err := limited.NextMsg(deadline); err != nats.ErrMaxMessages {
		return fmt.Errorf("then it says %v", err)
	}
	return nil
}

func noEcho(conn *nats.Conn, path string) error {
	quiet := connect(path, nats.NoEcho())
	defer quiet.Close()
	own := subscribe(quiet, "news")
	must(quiet.Flush())
	publish(quiet, "news", "mine")
	must(quiet.Flush())
	publish(conn, "news", "yours")
	return wants(own, "yours")
}

func largestPasses(conn *nats.Conn, _ string) error {
	subscription := subscribe(conn, "large")
	largest := bytes.Repeat([]byte("x"), int(conn.MaxPayload()))
	must(conn.Publish("large", largest))
	message, err := subscription.NextMsg(deadline)
	if err != nil {
		return err
	}
	if !bytes.Equal(message.Data, largest) {
		return fmt.Errorf("%d bytes came", len(message.Data))
	}
	if err := conn.Publish("large", append(largest, 'x')); err != nats.ErrMaxPayload {
		return fmt.Errorf("it says %v", err)
	}
	return nil
}

func drainedSubscription(conn *nats.Conn, _ string) error {
	const count = 1000
	got := 0
	all := make(chan bool)
	subscription, err := conn.Subscribe("news", func(*nats.Msg) {
		if got++; got == count {
			close(all)
		}
	})
	must(err)
	for i := 0; i < count; i++ {
		publish(conn, "news", "x")
	}
	must(subscription.Drain())
	publish(conn, "news", "too late")
	select {
	case <-all:
	case <-time.After(deadline):
		return fmt.Errorf("%d came", got)
	}
	must(conn.Flush())
	if got != count {
		return fmt.Errorf("%d came", got)
	}
	return nil
}

func drainedConnection(conn *nats.Conn, path string) error {
	const count = 1000
	listener := subscribe(conn, "out")
	must(conn.Flush())
	got, closed := 0, make(chan bool)
	leaving := connect(path, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	_, err := leaving.Subscribe("in", func(*nats.Msg) {
		got++
		publish(leaving, "out", "x")
	})
	must(err)
	must(leaving.Flush())
	for i := 0; i < count; i++ {
		publish(conn, "in", "x")
	}
	must(conn.Flush())
	must(leaving.Drain())
	select {
	case <-closed:
	case <-time.After(deadline):
		return errors.New("it is not closed")
	}
	must(conn.Flush())
	if pending, _, _ := listener.Pending(); got != count || pending != count {
		return fmt.Errorf("it got %d, and %d came of it", got, pending)
	}
	return nil
}

func roundTrip(conn *nats.Conn, _ string) error {
	_, err := conn.RTT()
	return err
}

func suite(path string) {
	status := 0
	for _, sentence := range sentences {
		conn := connect(path)
		if err := sentence.try(conn, path); err != nil {
			fmt.Printf("not so: %s: %v\n", sentence.text, err)
			status = 1
		} else {
			fmt.Println(sentence.text)
		}
		conn.Close()
	}
	os.Exit(status)
}

func comeBack(path string) {
	told := make(chan string, 10)
	conn := connect(path,
		nats.LameDuckModeHandler(func(*nats.Conn) { told <- "told that the hub goes" }),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { told <- "gone" }),
		nats.ReconnectHandler(func(*nats.Conn) { told <- "back" }))
	subscription := subscribe(conn, "news.>")
	publish(conn, "news.before", "before")
	must(wants(subscription, "before"))
	fmt.Println("connected")
	for event := range told {
		if event == "gone" { // it keeps what is published now
			publish(conn, "news.meanwhile", "meanwhile")
		}
		fmt.Println(event)
		if event == "back" {
			publish(conn, "news.after", "after")
			must(wants(subscription, "meanwhile", "after"))
			fmt.Println("heard what was said meanwhile and after")
		}
	}
}

func main() {
	switch os.Args[1] {
	case "suite":
		suite(os.Args[2])
	case "return":
		comeBack(os.Args[2])
	}
}
