#pragma once

#include <string>
#include <string_view>

#include "config/loader.h"
#include "config/schema.h"
#include "config/settings.h"

namespace strata::config {

// Every key with its value and, as a comment, where the value comes from: YAML that load() takes back. A secret that is set
// is masked and commented out, so that loading the text never makes the mask a password.
std::string print_config(const Settings& settings, const Origins& origins);

// A value of a key, as Key::get or Key::shown say it, as YAML of one line. What other YAML readers could take for something else stands in quotes.
std::string yaml_value(const Key& key, std::string_view text);

// The text of config/reference.yaml: every key with its default value, and as comments what it does, what is allowed, its
// default, its variable of the environment and whether it can change at run time. To write the file after a change of the table:
//   strata_config_tests --print-reference > config/reference.yaml
std::string print_reference();

}  // namespace strata::config
