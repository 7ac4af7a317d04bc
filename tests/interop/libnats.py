# SPDX-License-Identifier: Apache-2.0
"""The official C client of NATS: as it is over TCP, and by way of socat to our Unix socket."""

import ctypes
import ctypes.util

from _nats import hubs
from _support import DEADLINE, Skip, main, same

MILLISECONDS = int(DEADLINE * 1000)

HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                           ctypes.c_void_p)


def library():
    name = ctypes.util.find_library("nats")
    if name is None:
        raise Skip("libnats is not installed")
    nats = ctypes.CDLL(name)
    for function in (nats.natsStatus_GetText, nats.natsMsg_GetReply):
        function.restype = ctypes.c_char_p
    nats.natsMsg_GetData.restype = ctypes.c_void_p  # its length is told apart
    return nats


class Library:
    """What the tests need of it; a call that fails is an exception with its word for it."""

    def __init__(self):
        self.nats = library()

    def __getattr__(self, function):
        def call(*arguments):
            status = getattr(self.nats, function)(*arguments)
            if status != 0:
                raise AssertionError(f"{function}: {self.nats.natsStatus_GetText(status).decode()}")
        return call

    def made(self, function, *arguments):
        """The object that a function puts where its first argument points."""
        made = ctypes.c_void_p()
        getattr(self, function)(ctypes.byref(made), *arguments)
        return made

    def close(self, connection):
        self.nats.natsConnection_Close(connection)  # returns nothing

    def next(self, subscription):
        return self.made("natsSubscription_NextMsg", subscription, ctypes.c_int64(MILLISECONDS))

    def data(self, message):
        size = self.nats.natsMsg_GetDataLength(message)
        return ctypes.string_at(self.nats.natsMsg_GetData(message), size)

    def message(self, subject, data, header):
        made = self.made("natsMsg_Create", subject, None, data, len(data))
        for name, value in header.items():
            self.natsMsgHeader_Set(made, name, value)
        return made

    def header(self, message, name):
        value = ctypes.c_char_p()
        self.natsMsgHeader_Get(message, name, ctypes.byref(value))
        return value.value


def connections(nats, directory):
    """One to a hub over TCP, and one that socat takes to the Unix socket of a hub."""
    for hub in hubs(directory):
        connection = nats.made("natsConnection_ConnectTo", hub.url().encode())
        yield connection
        nats.close(connection)


def test_messages_reach_subscriptions_with_and_without_wildcards(directory):
    nats = Library()
    for connection in connections(nats, directory):
        exact = nats.made("natsConnection_SubscribeSync", connection, b"news.today")
        wild = nats.made("natsConnection_SubscribeSync", connection, b"news.>")
        for subject, text in ((b"news.sport.chess", b"a draw"), (b"news.today", b"it rains")):
            nats.natsConnection_Publish(connection, subject, text, len(text))
        for subscription, wanted in ((exact, b"it rains"), (wild, b"a draw"), (wild, b"it rains")):
            same("message", nats.data(nats.next(subscription)), wanted)


def test_a_request_is_answered(directory):
    nats = Library()
    for connection in connections(nats, directory):

        @HANDLER
        def answer(where, _, message, __):
            where, message = ctypes.c_void_p(where), ctypes.c_void_p(message)
            text = nats.data(message).upper()
            to = nats.nats.natsMsg_GetReply(message)
            nats.natsConnection_Publish(where, to, text, len(text))

        nats.made("natsConnection_Subscribe", connection, b"capitals", answer, None)
        for word in (b"one", b"two"):
            reply = nats.made("natsConnection_RequestString", connection, b"capitals", word,
                              ctypes.c_int64(MILLISECONDS))
            same("reply", nats.data(reply), word.upper())


def test_a_request_without_subscribers_fails_at_once(directory):
    nats = Library()
    for connection in connections(nats, directory):
        try:
            nats.made("natsConnection_RequestString", connection, b"nobody", b"?",
                      ctypes.c_int64(MILLISECONDS))
        except AssertionError as error:
            assert "No responders" in str(error), error
        else:
            raise AssertionError("it was answered")


def test_headers_are_carried(directory):
    nats = Library()
    for connection in connections(nats, directory):
        subscription = nats.made("natsConnection_SubscribeSync", connection, b"news")
        message = nats.message(b"news", b"it rains", {b"Colour": b"grey", b"From": b"above"})
        nats.natsConnection_PublishMsg(connection, message)
        received = nats.next(subscription)
        same("text", nats.data(received), b"it rains")
        same("colour", nats.header(received, b"Colour"), b"grey")
        same("from", nats.header(received, b"From"), b"above")


main(globals())
