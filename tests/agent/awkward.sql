-- A schema with everything that copies of MySQL databases are known to lose. Loaded with the mysql client.
-- No FLOAT, no negative zero: mysqldump cannot carry them, `python -m agent check` says so.
SET NAMES utf8mb4;
CREATE USER 'nobody'@'nowhere' IDENTIFIED BY 'x';
GRANT ALL ON petclinic.* TO 'nobody'@'nowhere'; -- the definer that only this server knows
CREATE DATABASE petclinic CHARACTER SET utf8mb4;
USE petclinic;
CREATE TABLE Owners (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  First_Name VARCHAR(30),
  last_name VARCHAR(30),
  full_name VARCHAR(61) GENERATED ALWAYS AS (CONCAT(First_Name, ' ', last_name)) STORED,
  initial CHAR(1) GENERATED ALWAYS AS (LEFT(last_name, 1)) VIRTUAL,
  INDEX by_last_name (last_name)
) ENGINE=InnoDB COMMENT='the owners'' table; "quoted" `too`';
CREATE TABLE pets (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(30),
  owner_id INT UNSIGNED,
  flags BIT(10) NOT NULL DEFAULT b'1',
  chip JSON,
  photo LONGBLOB,
  born DATE CHECK (born < '2100-01-01'),
  weight DECIMAL(10,4) UNSIGNED,
  ratio DOUBLE,
  place POINT SRID 4326,
  kind ENUM('cat','dog','it''s') DEFAULT 'cat',
  tags SET('a','b','c'),
  seen TIMESTAMP(6) NULL,
  CONSTRAINT pet_owner FOREIGN KEY (owner_id) REFERENCES Owners (id) ON DELETE CASCADE
) ENGINE=InnoDB;
CREATE TABLE visits (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  pet_id INT UNSIGNED,
  Visits INT DEFAULT 0,
  description TEXT,
  FOREIGN KEY (pet_id) REFERENCES pets (id) ON DELETE SET NULL
) ENGINE=InnoDB AUTO_INCREMENT=18446744073709551000;
CREATE TABLE vet_specialties (
  vet_id INT UNSIGNED NOT NULL,
  specialty_id INT UNSIGNED,
  note VARCHAR(100) CHARACTER SET latin1,
  INDEX by_specialty (specialty_id)
) ENGINE=InnoDB;
CREATE TABLE `odd name; -- ``x``` (`select` INT PRIMARY KEY, `a ``b` VARCHAR(50));
CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200));
CREATE TABLE nothing (id INT PRIMARY KEY);
INSERT INTO Owners (First_Name, last_name) VALUES ('George','Franklin'),('한글','이름'),('😀','👩‍👩‍👧‍👦'),('Bobby''); DROP TABLE pets; --','O''Neil\\'),(NULL,NULL);
DELETE FROM Owners WHERE id = 5;
INSERT INTO pets (name, owner_id, flags, chip, photo, born, weight, ratio, place, kind, tags, seen) VALUES
 ('Leo',1,b'1000000001','{"a": [1, 2.5, null, "x\\"y"], "😀": {"b": "),(\'"}}',0x00FF0A0D27225C1A,'2010-09-07',1.5000,0.1,ST_GeomFromText('POINT(37.5 127)',4326),'it''s','a,c','2026-03-29 01:30:00.123456'),
 ('Basil),(',2,b'0','[]',REPEAT(0x0A,3000),'2012-08-06',123456.7891,1e308,NULL,'dog','', NULL),
 (NULL,NULL,b'1111111111',NULL,NULL,NULL,NULL,4.9406564584124654e-324,NULL,NULL,NULL,'2038-01-19 03:14:07');
INSERT INTO visits (pet_id, Visits, description) VALUES (1,3,'line one\nline two\r\n-- Dump completed on 2026-01-01\n\tDELIMITER ;;'),(2,NULL,'/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */'),(3,1,'CREATE DEFINER=`root`@`localhost` PROCEDURE x()');
INSERT INTO vet_specialties VALUES (2,1,'b\'),(1,2'),(3,2,''),(3,3,NULL),(1,NULL,'é'),(3,2,''),(1,1,'(');
DELETE FROM vet_specialties WHERE vet_id = 2;
INSERT INTO vet_specialties VALUES (9,0,'late');
INSERT INTO `odd name; -- ``x``` VALUES (-1,'`'),(0,'zero');
DELIMITER $$
CREATE DEFINER=`nobody`@`nowhere` TRIGGER Pet_Audit AFTER INSERT ON pets FOR EACH ROW
BEGIN
  -- a comment that must survive
  INSERT INTO audit (what) VALUES (CONCAT('DEFINER=`x`@`y` ', COALESCE(NEW.name, '-')));
END$$
CREATE TRIGGER owner_audit BEFORE DELETE ON Owners FOR EACH ROW INSERT INTO audit (what) VALUES ('
-- Dump completed on 2026-01-01
gone')$$
CREATE DEFINER=`nobody`@`nowhere` PROCEDURE Visit_Count(IN pet INT, OUT result INT)
  COMMENT 'counts; DEFINER=`x`@`y`'
BEGIN
  /* another comment */
  SELECT COUNT(*) INTO result FROM visits WHERE pet_id = pet;
END$$
CREATE DEFINER=`nobody`@`nowhere` FUNCTION shout(t VARCHAR(50)) RETURNS VARCHAR(51) CHARSET utf8mb4 DETERMINISTIC SQL SECURITY INVOKER
RETURN CONCAT(UPPER(t), '!')$$
CREATE DEFINER=`nobody`@`nowhere` EVENT Nightly ON SCHEDULE EVERY 1 SECOND STARTS '2020-01-01 00:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'ON COMPLETION PRESERVE ENABLE'
DO BEGIN INSERT INTO audit (what) VALUES ('event'); END$$
CREATE EVENT asleep ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1$$
DELIMITER ;
CREATE DEFINER=`nobody`@`nowhere` SQL SECURITY DEFINER VIEW Owner_Pets AS
  SELECT o.id, shout(o.last_name) AS loud, p.name AS `Visits`, (SELECT COUNT(*) FROM visits v WHERE v.pet_id = p.id) AS n
  FROM Owners o LEFT JOIN pets p ON p.owner_id = o.id;
CREATE VIEW a_first AS SELECT loud FROM Owner_Pets WHERE loud <> '\nDEFINER=`x`';
