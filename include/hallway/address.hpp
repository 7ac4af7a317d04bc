// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// The address of a socket. Several spellings are accepted; one form is printed:
//
//   /p  ./p  p  unix:/p  unix:///p              a path, printed "unix:/p"
//   @n  abstract:n  unix-abstract:n             an abstract name, printed "abstract:n"
//   autobind                                    the kernel picks an abstract name (bind only)
//   fd:3                                        a descriptor this process inherited
//   activation  activation:NAME                 a socket handed over by LISTEN_FDS
//   exec:PROGRAM ARGS                           a child at the other end of a socket pair
//
// A file whose name is "@x" is written "./@x". A path may have any length that the file system
// accepts: bind and connect work around the kernel's limit of 107 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// An address: a value. Thread: any.
class HALLWAY_EXPORT Address {
 public:
  enum class Kind : std::uint8_t {
    unnamed,  ///< no address: a socket that is not bound, and every accepted client
    path,
    abstract,
    autobind,
    descriptor,
    activation,
    exec,
  };

  Address() noexcept = default;

  /// Reads any of the spellings above.
  /// @errors invalid_argument: an empty text, a NUL byte in a path (the kernel would end the path
  ///         there), an unknown scheme, a descriptor that is not a number. filename_too_long: an
  ///         abstract name over 107 bytes.
  static Result<Address> parse(std::string_view text);

  /// An abstract name: 1 to 107 bytes of any value, including NUL.
  static Result<Address> abstract(std::string_view name);
  static Result<Address> path(std::string_view path);
  static Address autobind();

  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// The path, the abstract name without "@", the activation name, or the command line.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Kind::descriptor only: the descriptor's number.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

  /// Kind::exec only: the program and its arguments, split at blanks.
  [[nodiscard]] std::vector<std::string> command() const;

  /// The printed form, for people; printable() (bytes.hpp) escapes the name.
  [[nodiscard]] std::string to_string() const;

  /// The same form, for programs: the name is not escaped and may have any bytes; parse() reads
  /// the address back. A format that carries it, such as JSON, has to escape it.
  [[nodiscard]] std::string unescaped() const;

  friend bool operator==(const Address&, const Address&) noexcept = default;

 private:
  Address(Kind kind, std::string name, int descriptor = -1)
      : kind_(kind), descriptor_(descriptor), name_(std::move(name)) {}

  Kind kind_ = Kind::unnamed;
  int descriptor_ = -1;
  std::string name_;
};

/// The parameter of functions that take an address: an Address, or text to be parsed. If the text
/// cannot be parsed, the function it was passed to returns the error.
class HALLWAY_EXPORT AddressSpec {
 public:
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions): it exists to convert
  AddressSpec(Address address) : address_(std::move(address)) {}
  AddressSpec(std::string_view text) : address_(Address::parse(text)) {}
  AddressSpec(const std::string& text) : address_(Address::parse(text)) {}
  AddressSpec(const char* text) : address_(Address::parse(text)) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  [[nodiscard]] const Result<Address>& get() const noexcept { return address_; }

 private:
  Result<Address> address_;
};

}  // namespace hallway
