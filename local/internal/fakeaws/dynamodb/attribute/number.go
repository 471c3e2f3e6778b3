package attribute

import (
	"regexp"
	"strconv"
	"strings"
)

var decimal = regexp.MustCompile(`^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,9}))?$`)

// normalizeNumber returns a number as DynamoDB stores it: in plain notation, without leading and
// trailing zeros. Numbers have up to 38 digits and, unless zero, a magnitude from 1E-130 to
// 9.99E+125
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html).
func normalizeNumber(s string) (string, error) {
	m := decimal.FindStringSubmatch(s)
	if len(m) == 0 || m[2]+m[3] == "" {
		return "", ValidationException("A value provided cannot be converted into a number")
	}
	exponent := 0
	if m[4] != "" {
		exponent, _ = strconv.Atoi(m[4]) // nine digits fit
	}

	// The value is 0.digits × 10^point.
	digits := strings.TrimLeft(m[2]+m[3], "0")
	point := exponent + len(digits) - len(m[3])
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return "0", nil
	case len(digits) > 38:
		return "", ValidationException("DynamoDB only supports precision up to 38 digits")
	case point > 126:
		return "", ValidationException("Number overflow. Attempting to store a number with magnitude larger than " +
			"supported range")
	case point < -129:
		return "", ValidationException("Number underflow. Attempting to store a number with magnitude smaller than " +
			"supported range")
	}

	sign := strings.TrimPrefix(m[1], "+")
	switch {
	case point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + digits, nil
	case point >= len(digits):
		return sign + digits + strings.Repeat("0", point-len(digits)), nil
	default:
		return sign + digits[:point] + "." + digits[point:], nil
	}
}
