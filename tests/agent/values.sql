-- Values that mean something to LOAD DATA where it reads the text of an INSERT.
SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00';
CREATE DATABASE petclinic CHARACTER SET utf8mb4;
USE petclinic;

CREATE TABLE texts (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `a,)'``b` VARCHAR(200),
  latin CHAR(60) CHARACTER SET latin1,
  doubled TEXT GENERATED ALWAYS AS (CONCAT(t, t)) STORED,
  t TEXT NOT NULL,
  unseen VARCHAR(20) INVISIBLE,
  last MEDIUMTEXT,
  KEY (latin)
);
INSERT INTO texts (id, `a,)'``b`, latin, t, unseen, last) VALUES
  (0, '', '', '', '', ''),
  (1, NULL, NULL, 'NULL', 'NULL', 'NULL'),
  (2, '\\N', '\\', '\\\\', '\'', '\'''\''),
  (3, '),(', ');', '\'),(\'', '\',NULL,\'', ',\'),'),
  (4, '0x41', '(', ')', '"', '\\\'),(5,\''),
  (5, '\0\n\r\t\b\Z', 'é', '\\n\\t\\0', '%_\\%\\_', 'é😀 x '),
  (6, ' ', '-0', ',-0,(-0)', '-- Dump completed', '\r\n'),
  (-1, 'minus', 'x', '(', '(', '(');
INSERT INTO texts (t, last) VALUES (REPEAT('\'),(', 60000), REPEAT('\\\'),(0,', 200000));

CREATE TABLE numbers (
  i INT ZEROFILL NOT NULL, b BIGINT UNSIGNED, d DECIMAL(65,30), f FLOAT, g DOUBLE, y YEAR, t BOOL, PRIMARY KEY (i)
);
INSERT INTO numbers VALUES
  (0, 18446744073709551615, 1234567890.1, 0.1, 1.7976931348623157e308, 2155, TRUE),
  (1, 0, -0.000000000000000000000000000001, -0e0, -0e0, 0, FALSE),
  (2, NULL, NULL, 1e-30, 5e-324, 1901, NULL),
  (3, 9223372036854775808, -99999, 3.40282e38, 0.30000000000000004, NULL, -128);

CREATE TABLE times (id INT PRIMARY KEY, d DATE, t TIME(6), dt DATETIME(6), ts TIMESTAMP(3) NULL);
INSERT INTO times VALUES
  (1, '0000-00-00', '-838:59:59', '2024-02-31 00:00:00.000001', '2024-03-31 01:30:00.5'),
  (2, '2023-00-10', '00:00:00.000001', '0000-00-00', NULL),
  (3, NULL, NULL, NULL, '1970-01-01 00:00:01');

CREATE TABLE words (id INT PRIMARY KEY, e ENUM('', 'a,b', '1', '2', ')'), s SET('x', 'y'), j JSON);
INSERT INTO words VALUES
  (1, '', '', '{"a": "x\\\\y\\"),(\\n\\u0000", "\'": []}'),
  (2, '2', 'x,y', 'null'),
  (3, 'a,b', 'y', '[1, -2, 1.5e300, "NULL", true, 18446744073709551615]'),
  (4, ')', NULL, NULL),
  (5, NULL, 'x', '""');

-- Written in hexadecimal, so never sent as a file.
CREATE TABLE bits (id INT PRIMARY KEY, b BIT(9), v VARBINARY(20), x BLOB, g GEOMETRY);
INSERT INTO bits VALUES
  (1, b'100000001', X'00FF27295C', '', ST_GeomFromText('POINT(1 2)')),
  (2, 0, '', X'27292C28', NULL),
  (3, NULL, NULL, NULL, NULL);

CREATE TABLE keyless (a INT, t TEXT);
INSERT INTO keyless VALUES (3, '),('), (1, NULL), (2, 'x'), (3, '),(');
