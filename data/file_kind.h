#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace sluice {

class ByteStream;

// What a file is that is not the one expected, for messages.

/// What begins with these bytes: "a tar archive", "a Python pickle"; "" where that is not known. 512 bytes are enough.
std::string kind_of(std::span<const std::byte> head);

/// kind_of() of `head` and what follows it in `stream`, in brackets with a space in front; "" where that is not known.
std::string kind_in_brackets(std::span<const std::byte> head, ByteStream& stream);

/// What a path is that was expected to be a folder, in brackets with a space in front.
std::string kind_of_no_folder(const std::string& path);

/// What a folder has instead: "; it has 'cifar-10-batches-py' (CIFAR-10's Python version)", or its first names.
std::string contents_of(const std::string& folder);

}  // namespace sluice
