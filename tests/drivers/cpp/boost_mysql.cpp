// Boost.MySQL, asked line by line: see piped_client.py.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/mysql.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace mysql = boost::mysql;

// A word of a line: the letter of its type, and its bytes.
struct word {
    char type;
    std::string text;
};

static std::string hexed(const std::string &bytes) {
    std::string found;
    char digits[3];
    for (unsigned char byte : bytes) {
        std::snprintf(digits, sizeof digits, "%02x", byte);
        found += digits;
    }
    return found;
}

static word decoded(const std::string &given) {
    word found{given[0], {}};
    for (std::size_t i = 1; i + 1 < given.size(); i += 2)
        found.text += static_cast<char>(std::stoi(given.substr(i, 2), nullptr, 16));
    return found;
}

static std::string cell(mysql::field_view field) {
    if (field.is_null())
        return " n";
    if (field.is_blob())
        return " s" + hexed({field.as_blob().begin(), field.as_blob().end()});
    std::ostringstream text;
    if (field.is_string())
        text << field.as_string();
    else
        text << field;
    return " s" + hexed(text.str());
}

static void show(mysql::rows_view rows) {
    for (mysql::row_view row : rows) {
        std::cout << "r";
        for (mysql::field_view field : row)
            std::cout << cell(field);
        std::cout << "\n";
    }
}

static void show(const mysql::results &found) {
    for (mysql::resultset_view each : found) {
        show(each.rows());
        std::cout << "e " << each.affected_rows() << "\n";
    }
}

// Digits between what is none, as numbers.
static std::vector<long long> numbers(const std::string &text) {
    std::vector<long long> found;
    std::string digits;
    for (char each : text + " ") {
        if (each >= '0' && each <= '9') {
            digits += each;
        } else if (!digits.empty()) {
            found.push_back(std::stoll(digits));
            digits.clear();
        }
    }
    return found;
}

static long long micros(const std::string &text) {
    const auto dot = text.find('.');
    return dot == std::string::npos ? 0 : std::stoll((text.substr(dot + 1) + "000000").substr(0, 6));
}

static mysql::field bound(const word &given) {
    const auto parts = given.type == 'D' || given.type == 'T' || given.type == 't' ? numbers(given.text)
                                                                                  : std::vector<long long>{};
    switch (given.type) {
    case 'n':
        return mysql::field(nullptr);
    case 'i':
        return mysql::field(static_cast<std::int64_t>(std::stoll(given.text)));
    case 'u':
        return mysql::field(static_cast<std::uint64_t>(std::stoull(given.text)));
    case 'd':
        return mysql::field(std::stod(given.text));
    case 'b':
        return mysql::field(mysql::blob(given.text.begin(), given.text.end()));
    case 'D':
        return mysql::field(mysql::date(parts[0], parts[1], parts[2]));
    case 'T':
        return mysql::field(mysql::datetime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], micros(given.text)));
    case 't': {
        const auto span = std::chrono::hours(parts[0]) + std::chrono::minutes(parts[1]) + std::chrono::seconds(parts[2]) +
                          std::chrono::microseconds(micros(given.text));
        return mysql::field(mysql::time(given.text[0] == '-' ? -span : span));
    }
    default:
        return mysql::field(given.text);
    }
}

struct session {
    boost::asio::io_context context;
    boost::asio::ssl::context tls{boost::asio::ssl::context::tls_client};
    std::optional<mysql::any_connection> connection;

    void log_in(const std::vector<word> &words) {
        const std::string &options = words[6].text;
        if (options.find("verify") != std::string::npos) {
            tls.set_verify_mode(boost::asio::ssl::verify_peer);
            tls.load_verify_file(words[5].text);
        }
        mysql::any_connection_params how;
        how.ssl_context = &tls;
        connection.emplace(context, how);
        mysql::connect_params who;
        who.server_address.emplace_host_and_port(words[0].text, static_cast<unsigned short>(std::stoi(words[1].text)));
        who.username = words[2].text;
        who.password = words[3].text;
        who.database = words[4].text;
        who.ssl = options.find("tls") != std::string::npos ? mysql::ssl_mode::require : mysql::ssl_mode::disable;
        who.multi_queries = options.find("multi") != std::string::npos;
        connection->connect(who);
    }

    void prepared(const std::vector<word> &words) {
        std::vector<mysql::field> values;
        for (std::size_t i = 1; i < words.size(); i++)
            values.push_back(bound(words[i]));
        const mysql::statement statement = connection->prepare_statement(words[0].text);
        mysql::results found;
        connection->execute(statement.bind(values.begin(), values.end()), found);
        connection->close_statement(statement);
        show(found);
        // Closing has no answer: it asks for one.
        std::cout << "u ping\n";
    }

    // As they come, in place of all at once.
    void rows(const std::string &sql) {
        mysql::execution_state state;
        connection->start_execution(sql, state);
        while (!state.complete())
            show(connection->read_some_rows(state));
        std::cout << "e 0\n";
    }

    void done(const std::string &verb, const std::vector<word> &words) {
        mysql::results found;
        if (verb == "connect")
            log_in(words);
        else if (verb == "query") {
            connection->execute(words[0].text, found);
            show(found);
        } else if (verb == "prepared")
            prepared(words);
        else if (verb == "cursor")
            rows(words[0].text);
        else if (verb == "ping")
            connection->ping();
        else if (verb == "reset")
            connection->reset_connection();
        else if (verb == "close")
            connection->close();
        else
            throw std::runtime_error("no call for " + verb);
    }
};

int main() {
    session mine;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream parts(line);
        std::string verb;
        std::vector<word> words;
        parts >> verb;
        for (std::string each; parts >> each;)
            words.push_back(decoded(each));
        try {
            mine.done(verb, words);
            std::cout << "ok" << std::endl;
        } catch (const mysql::error_with_diagnostics &problem) {
            const std::string said = problem.get_diagnostics().server_message();
            const bool server = !said.empty();
            std::cout << "no " << (server ? problem.code().value() : -1) << " s" << hexed(server ? said : problem.what())
                      << std::endl;
        } catch (const std::exception &problem) {
            std::cout << "no -1 s" << hexed(problem.what()) << std::endl;
        }
    }
}
