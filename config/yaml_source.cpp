#include "config/yaml_source.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "config/printable_text.h"

namespace strata::config {
namespace {

// Finds where a second document begins. Loading all documents would do that too, but it never ends when one begins with a
// stray bracket or comma, and loading the first one alone would ignore what follows it.
class DocumentFinder : public YAML::EventHandler {
 public:
  // The null mark if there is at most one document. Throws YAML::Exception if the text is not YAML.
  static YAML::Mark second_document(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    DocumentFinder finder;
    while (finder.documents_ < 2 && parser.HandleNextDocument(finder)) {
    }
    return finder.documents_ < 2 ? YAML::Mark::null_mark() : finder.last_;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++documents_;
    last_ = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int documents_ = 0;
  YAML::Mark last_;
};

class YamlReader {
 public:
  explicit YamlReader(std::string file_name) : file_name_(std::move(file_name)) {}

  YamlContent read(const std::string& text) {
    if (!check_characters(text)) return std::move(content_);
    try {
      const YAML::Mark second = DocumentFinder::second_document(text);
      if (second.is_null())
        add_document(YAML::Load(text));
      else
        add_problem(at(second), "a second document, or text that belongs to none, begins here", "one document");
    } catch (const YAML::Exception& error) {
      add_problem(at(error.mark), "is not YAML: " + printable(error.msg), "");
    }
    return std::move(content_);
  }

 private:
  // The parser takes a control character for the end of the file, which would hide what stands behind it.
  bool check_characters(const std::string& text) {
    const std::size_t bad = find_unprintable(text, "\t\n\r");
    if (bad == std::string::npos) return true;
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n') + 1;
    const std::size_t line_begin = bad == 0 ? 0 : text.rfind('\n', bad - 1) + 1;  // npos + 1 is 0
    add_problem(file_name_ + ':' + std::to_string(line) + ':' + std::to_string(bad - line_begin + 1),
                "holds a control character or bytes that are not UTF-8", "");
    return false;
  }

  void add_document(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsMap()) return add_problem(at(root.Mark()), "is not a map", "a map of sections");
    for (const auto& section : root) {
      const YAML::Node& key = section.first;
      if (!check_key(key)) continue;
      if (!section.second.IsMap() || section.second.size() == 0) {
        add_entry(key.Scalar(), key, section.second);
        continue;
      }
      content_.entries.push_back({key.Scalar(), at(key.Mark()), YamlEntry::Shape::section, {}});
      for (const auto& entry : section.second) {
        if (check_key(entry.first)) add_entry(key.Scalar() + '.' + entry.first.Scalar(), entry.first, entry.second);
      }
    }
  }

  bool check_key(const YAML::Node& key) {
    if (!key.IsScalar()) add_problem(at(key.Mark()), "a key is not plain text", "");
    return key.IsScalar();
  }

  void add_entry(std::string path, const YAML::Node& key, const YAML::Node& value) {
    YamlEntry entry{std::move(path), at(key.Mark()), YamlEntry::Shape::nothing, {}};
    if (value.IsScalar()) {
      entry.shape = YamlEntry::Shape::scalar;
      entry.text = value.Scalar();
    } else if (value.IsMap()) {
      entry.shape = YamlEntry::Shape::map;
    } else if (value.IsSequence()) {
      entry.shape = YamlEntry::Shape::list;
      for (const YAML::Node& item : value) {
        if (!item.IsScalar())
          entry.shape = YamlEntry::Shape::nested;
        else
          entry.text.append(entry.text.empty() ? "" : ", ").append(item.Scalar());
      }
    }
    content_.entries.push_back(std::move(entry));
  }

  void add_problem(std::string location, std::string wrong, std::string allowed) {
    content_.problems.push_back({std::move(location), {}, std::move(wrong), std::move(allowed)});
  }

  [[nodiscard]] std::string at(const YAML::Mark& mark) const {
    if (mark.is_null()) return file_name_;
    return file_name_ + ':' + std::to_string(mark.line + 1) + ':' + std::to_string(mark.column + 1);
  }

  std::string file_name_;
  YamlContent content_;
};

// Where a key of the map and what belongs to it stand; none of both: it is not there.
struct Entry {
  YAML::Node key, value;
};

Entry find(const YAML::Node& map, std::string_view name) {
  if (!map.IsMap()) return {};
  for (const auto& entry : map) {
    if (entry.first.IsScalar() && entry.first.Scalar() == name) return {entry.first, entry.second};
  }
  return {};
}

bool is_there(const Entry& entry) { return entry.key.IsScalar(); }

std::size_t begin_of(const YAML::Node& node) { return static_cast<std::size_t>(node.Mark().pos); }

std::size_t line_begin(const std::string& text, std::size_t at) {
  const std::size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  return newline == std::string::npos ? 0 : newline + 1;
}

std::size_t line_end(const std::string& text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }

// Behind the quote that ends what the one at `at` begins.
std::size_t quoted_end(const std::string& text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 == text.size() || text[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return text.size();
}

// Behind the value that begins there, on its line.
std::size_t value_end(const std::string& text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) return quoted_end(text, at);
  const std::size_t end = line_end(text, at);
  if (at < text.size() && text[at] == '[') {
    for (std::size_t i = at; i < end;) {
      if (text[i] == ']') return i + 1;
      i = text[i] == '"' || text[i] == '\'' ? quoted_end(text, i) : i + 1;
    }
    return end;
  }
  std::size_t last = std::min(text.find(" #", at), end);
  while (last > at && (text[last - 1] == ' ' || text[last - 1] == '\t' || text[last - 1] == '\r')) --last;
  return last;
}

void replace_value(std::string& text, const Entry& entry, std::string_view value) {
  if (entry.value.IsNull()) {
    const std::size_t colon = text.find(':', begin_of(entry.key) + entry.key.Scalar().size());
    text.insert(std::min(colon, text.size() - 1) + 1, std::string(1, ' ').append(value));
    return;
  }
  const std::size_t begin = begin_of(entry.value);
  text.replace(begin, value_end(text, begin) - begin, value);
}

void insert_line(std::string& text, std::size_t at, std::size_t indentation, std::string_view name, std::string_view value) {
  text.insert(at, std::string(indentation, ' ').append(name).append(": ").append(value).append("\n"));
}

std::string changed_text(std::string text, std::string_view section, std::string_view name, std::string_view value) {
  constexpr std::size_t kIndentation = 2;
  const YAML::Node root = YAML::Load(text);
  const Entry found = find(root, section);
  if (!text.empty() && text.back() != '\n') text += '\n';
  if (!is_there(found)) {
    text.append(text.empty() ? "" : "\n").append(section).append(":\n");
    insert_line(text, text.size(), kIndentation, name, value);
    return text;
  }
  const Entry entry = find(found.value, name);
  if (is_there(entry)) {
    replace_value(text, entry, value);
  } else if (found.value.IsMap() && found.value.size() > 0) {
    const YAML::Node first = found.value.begin()->first;
    insert_line(text, line_begin(text, begin_of(first)), static_cast<std::size_t>(first.Mark().column), name, value);
  } else {
    insert_line(text, std::min(line_end(text, begin_of(found.key)) + 1, text.size()), kIndentation, name, value);
  }
  return text;
}

}  // namespace

FileText read_file(const std::string& path, std::size_t most_bytes) {
  const auto failure = [] { return FileText{{}, "cannot be read: " + std::generic_category().message(errno)}; };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return failure();
  std::string text(most_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return failure();
  if (text.size() > most_bytes) return {{}, "is larger than " + std::to_string(most_bytes >> 20U) + " MiB"};
  return {std::move(text), {}};
}

YamlContent read_yaml(const std::string& file_path) {
  const std::string shown_path = printable(file_path, file_path.size());
  const FileText file = read_file(file_path);
  if (!file.wrong.empty()) return {{}, {{shown_path, {}, file.wrong, {}}}};
  return YamlReader(shown_path).read(file.text);
}

std::optional<std::string> with_yaml_value(std::string text, std::string_view section, std::string_view name,
                                           std::string_view value) {
  try {
    return changed_text(std::move(text), section, name, value);
  } catch (const YAML::Exception&) {
    return std::nullopt;
  }
}

}  // namespace strata::config
