// A peer written with Go's net package: run by tests/interop/go.py.
//
//	peer client NETWORK ADDRESS MESSAGE...   sends each, prints each answer
//	peer server NETWORK ADDRESS              answers in capitals, until "DONE"
//	peer whole ADDRESS BYTES                 sends so many bytes at once, expects them back
//	peer give ADDRESS FILE                   passes an open file, prints the answer
//	peer take ADDRESS                        prints the file it is given
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func dial(network, address string) *net.UnixConn {
	var local *net.UnixAddr
	if network == "unixgram" { // or nobody could answer
		local = &net.UnixAddr{Name: address + ".client", Net: network}
	}
	conn, err := net.DialUnix(network, local, &net.UnixAddr{Name: address, Net: network})
	must(err)
	return conn
}

func client(network, address string, messages []string) {
	conn := dial(network, address)
	if network != "unix" {
		for _, message := range messages {
			_, err := conn.Write([]byte(message))
			must(err)
			answer := make([]byte, 1024)
			size, err := conn.Read(answer)
			must(err)
			fmt.Printf("%s\n", answer[:size])
		}
		return
	}
	for _, message := range messages {
		_, err := conn.Write([]byte(message + "\n"))
		must(err)
	}
	must(conn.CloseWrite())
	answers, err := io.ReadAll(conn)
	must(err)
	fmt.Printf("%s", answers)
}

func serveDatagrams(address string) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	must(err)
	message := make([]byte, 1024)
	for {
		size, from, err := conn.ReadFromUnix(message)
		must(err)
		_, err = conn.WriteToUnix(bytes.ToUpper(message[:size]), from)
		must(err)
		if string(message[:size]) == "DONE" {
			return
		}
	}
}

func answerLines(conn net.Conn) bool {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		_, err := conn.Write(append(bytes.ToUpper(lines.Bytes()), '\n'))
		must(err)
		if lines.Text() == "DONE" {
			return true
		}
	}
	return false
}

func answerPackets(conn net.Conn) bool {
	message := make([]byte, 1024)
	for {
		size, err := conn.Read(message)
		if size == 0 || err != nil {
			return false
		}
		_, err = conn.Write(bytes.ToUpper(message[:size]))
		must(err)
		if string(message[:size]) == "DONE" {
			return true
		}
	}
}

func server(network, address string) {
	if network == "unixgram" {
		serveDatagrams(address)
		return
	}
	listener, err := net.Listen(network, address)
	must(err)
	defer listener.Close()
	for done := false; !done; {
		conn, err := listener.Accept()
		must(err)
		if network == "unix" {
			done = answerLines(conn)
		} else {
			done = answerPackets(conn)
		}
		conn.Close()
	}
}

func whole(address string, size int) {
	conn := dial("unix", address)
	sent := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
	go func() {
		_, err := conn.Write(sent)
		must(err)
		must(conn.CloseWrite())
	}()
	received, err := io.ReadAll(conn)
	must(err)
	fmt.Println(bytes.Equal(sent, received), len(received))
}

func give(address, name string) {
	file, err := os.Open(name)
	must(err)
	conn := dial("unix", address)
	_, _, err = conn.WriteMsgUnix([]byte(name+"\n"), syscall.UnixRights(int(file.Fd())), nil)
	must(err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	must(err)
	fmt.Print(answer)
}

func take(address string) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	must(err)
	conn, err := listener.AcceptUnix()
	must(err)
	message, control := make([]byte, 1024), make([]byte, syscall.CmsgSpace(4))
	size, controlSize, flags, _, err := conn.ReadMsgUnix(message, control)
	must(err)
	parts, err := syscall.ParseSocketControlMessage(control[:controlSize])
	must(err)
	descriptors, err := syscall.ParseUnixRights(&parts[0])
	must(err)
	text, err := io.ReadAll(os.NewFile(uintptr(descriptors[0]), "given"))
	must(err)
	fmt.Printf("%q brought %d: %q (truncated: %v)\n", message[:size], len(descriptors), text,
		flags&syscall.MSG_CTRUNC != 0)
	_, err = conn.Write([]byte("taken\n"))
	must(err)
}

func main() {
	switch words := os.Args[1:]; words[0] {
	case "client":
		client(words[1], words[2], words[3:])
	case "server":
		server(words[1], words[2])
	case "whole":
		size, err := strconv.Atoi(words[2])
		must(err)
		whole(words[1], size)
	case "give":
		give(words[1], words[2])
	case "take":
		take(words[1])
	}
}
