-- Two schemas with the definitions that a load in several steps could lose or reorder. Loaded with the mysql
-- client; no FLOAT and no table that Azure's Flexible Server would refuse.
SET NAMES utf8mb4;
CREATE DATABASE petclinic;
CREATE DATABASE other CHARACTER SET latin1;
USE petclinic;
CREATE TABLE other.parents (id INT PRIMARY KEY, code INT, UNIQUE KEY (code));
CREATE TABLE kids (
  id INT PRIMARY KEY,
  parent INT,
  FOREIGN KEY (parent) REFERENCES other.parents (id),
  CONSTRAINT `z``fk` FOREIGN KEY (parent) REFERENCES other.parents (code),
  CONSTRAINT `a fk` FOREIGN KEY (parent) REFERENCES other.parents (id) ON DELETE SET NULL
);
CREATE TABLE other.back (id INT PRIMARY KEY, kid INT, FOREIGN KEY (kid) REFERENCES petclinic.kids (id));
CREATE TABLE parts (
  id INT AUTO_INCREMENT,
  y INT NOT NULL COMMENT 'a,\n  KEY `x` (`y`),;',
  v INT AS (y + 1) VIRTUAL,
  t TEXT,
  PRIMARY KEY (id, y),
  KEY b (y) COMMENT 'k,;',
  KEY f ((y * 2)),
  KEY inv (y) INVISIBLE,
  UNIQUE KEY u (y, id),
  KEY d (y DESC)
) COMMENT='x;' PARTITION BY RANGE (y) (
  PARTITION `p,;` VALUES LESS THAN (10) COMMENT 'c;',
  PARTITION p1 VALUES LESS THAN MAXVALUE
);
CREATE TABLE listed (id INT, s VARCHAR(20), PRIMARY KEY (id, s))
  PARTITION BY LIST COLUMNS (s) (PARTITION a VALUES IN ('x;', 'a\nb'), PARTITION b VALUES IN ('z''q'));
CREATE TABLE hashed (id INT PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3;
CREATE TABLE partitioned_keyless (a INT) PARTITION BY HASH (a) PARTITIONS 2;
CREATE TABLE counted_keyless (a INT, n INT AUTO_INCREMENT, UNIQUE KEY (a), KEY (n)) AUTO_INCREMENT = 7;
CREATE TABLE texts (
  id INT PRIMARY KEY,
  a TEXT,
  b TEXT,
  g POINT NOT NULL SRID 4326,
  FULLTEXT KEY ft1 (a),
  FULLTEXT KEY ft2 (b) WITH PARSER ngram,
  SPATIAL KEY sp (g),
  UNIQUE KEY un (a(10)),
  inv INT INVISIBLE DEFAULT 3,
  CHECK (a <> ') KEY `x`\n;')
);
CREATE TABLE seq (
  name VARCHAR(10) PRIMARY KEY,
  n BIGINT UNSIGNED AUTO_INCREMENT,
  m INT,
  KEY a1 (m),
  KEY a2 (n),
  KEY a3 (m, n)
) AUTO_INCREMENT = 18446744073709551614;
CREATE TABLE keyless (a INT, b VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_german2_ci, UNIQUE KEY (a), KEY (b));
CREATE TABLE keyless_not_null (a INT NOT NULL, UNIQUE KEY (a));
CREATE TABLE many (id INT PRIMARY KEY, j JSON, KEY m ((CAST(j->'$.a' AS UNSIGNED ARRAY))));
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE zero (id INT AUTO_INCREMENT PRIMARY KEY, d DATE NOT NULL DEFAULT '0000-00-00', KEY (d));
CREATE TABLE `😀` (`키` INT PRIMARY KEY, KEY `값` (`키`));
SET foreign_key_checks = 0; -- a row without its parent is the source's business, and must survive
INSERT INTO kids VALUES (1, 404);
INSERT INTO parts (y, t) VALUES (1, 'a'), (11, 'b');
INSERT INTO listed VALUES (1, 'x;'), (2, 'a\nb');
INSERT INTO hashed VALUES (1), (2), (3);
INSERT INTO partitioned_keyless VALUES (2), (1), (2);
INSERT INTO counted_keyless (a) VALUES (3), (1), (NULL);
INSERT INTO texts (id, a, b, g) VALUES (1, 'x', 'y', ST_GeomFromText('POINT(1 2)', 4326));
INSERT INTO seq VALUES ('a', 18446744073709551613, 1), ('b', 1, 2);
INSERT INTO keyless VALUES (9, 'ä'), (1, 'ö'), (NULL, 'z'), (NULL, 'z');
INSERT INTO keyless_not_null VALUES (5), (4);
INSERT INTO many VALUES (1, '{"a": [1, 2]}');
INSERT INTO zero VALUES (0, '0000-00-00'), (1, '2026-00-00');
INSERT INTO `😀` VALUES (1);
CREATE VIEW a_view AS SELECT * FROM parts;
CREATE VIEW other.b_view AS SELECT * FROM petclinic.a_view;
CREATE TABLE z_after (id INT PRIMARY KEY);
CREATE TRIGGER other.tt BEFORE INSERT ON other.back FOR EACH ROW SET NEW.kid = NULL;
