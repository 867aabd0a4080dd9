// The values of a case, for drivers that bind objects of java.time.

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;

final class Values {
    private Values() {}

    /** Hours beyond a day, a sign and a fraction: no time of a day. */
    private static Duration span(String word) {
        String[] parts = word.replace("-", "").split(":");
        Duration found = Duration.ofHours(Long.parseLong(parts[0])).plusMinutes(Long.parseLong(parts[1]));
        found = found.plusMillis(new BigDecimal(parts[2]).movePointRight(3).longValue());
        return word.startsWith("-") ? found.negated() : found;
    }

    /** A value as Java has it; bytes and null are each driver's own. */
    static Object bound(String kind, String word) {
        return switch (kind) {
            case "int" -> Integer.valueOf(word);
            case "unsigned" -> new BigInteger(word);
            case "decimal" -> new BigDecimal(word);
            case "double" -> Double.valueOf(word);
            case "date" -> LocalDate.parse(word);
            case "datetime" -> LocalDateTime.parse(word.replace(' ', 'T'));
            case "time" -> span(word);
            case "bool" -> word.equals("1");
            default -> word;
        };
    }
}
