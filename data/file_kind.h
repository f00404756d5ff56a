#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace sluice {

class ByteStream;

// Texts for messages about a file or folder of the wrong kind.

/// Returns the kind of a file that begins with these bytes: "a tar archive", "a Python pickle"; "" if unknown. 512
/// bytes are enough.
std::string kind_of(std::span<const std::byte> head);

/// Returns kind_of() of `head` and the bytes after it in `stream`, in brackets with a space in front; "" if unknown.
std::string kind_in_brackets(std::span<const std::byte> head, ByteStream& stream);

/// Returns the kind of a path that should be a folder, in brackets with a space in front.
std::string kind_of_no_folder(const std::string& path);

/// Returns what a folder contains: "; it has 'cifar-10-batches-py' (CIFAR-10's Python version)", or its first names.
std::string contents_of(const std::string& folder);

}  // namespace sluice
