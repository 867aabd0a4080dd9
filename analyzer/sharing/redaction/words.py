# ruff: noqa: SIM905
"""Words that say nothing of whose data it is: SQL's own, and those that servers make messages of.

Sources: information_schema.KEYWORDS and SQL_FUNCTIONS of MySQL 9.7 and MariaDB 11.8, names of help topics; words that
stand outside of quotes in the English error messages of MySQL 9.7 and MariaDB 10.11.
"""

from __future__ import annotations

from typing import Final

# Keywords and functions, in upper case.
SQL_WORDS: Final = frozenset(
    """
    ABS ABSENT ACCESSIBLE ACCOUNT ACOS ACTION ACTIVE ADD ADDDATE ADDTIME ADD_MONTHS ADMIN AES_DECRYPT
    AES_ENCRYPT AFTER AGAINST AGGREGATE ALGORITHM ALL ALLOW_MISSING_FILES ALTER ALWAYS ANALYZE AND ANY ANY_VALUE
    ARRAY AS ASC ASCII ASENSITIVE ASIN ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS ASYMMETRIC_DECRYPT
    ASYMMETRIC_ENCRYPT ASYMMETRIC_SIGN ASYMMETRIC_VERIFY AT ATAN ATAN2 ATOMIC ATTRIBUTE AUTHENTICATION AUTHORS
    AUTO AUTOCOMMIT AUTOEXTEND_SIZE AUTO_INCREMENT AUTO_REFRESH AUTO_REFRESH_SOURCE AVG AVG_ROW_LENGTH BACKUP
    BEFORE BEGIN BENCHMARK BERNOULLI BETWEEN BIGINT BIN BINARY BINLOG BINLOG_GTID_POS BIN_TO_UUID BIT BIT_AND
    BIT_COUNT BIT_LENGTH BIT_OR BIT_XOR BLOB BLOCK BODY BOOL BOOLEAN BOTH BTREE BUCKETS BULK BY BYTE CACHE CALL
    CAN_ACCESS_COLUMN CAN_ACCESS_DATABASE CAN_ACCESS_TABLE CAN_ACCESS_USER CAN_ACCESS_VIEW CASCADE CASCADED CASE
    CAST CATALOG_NAME CEIL CEILING CHAIN CHALLENGE_RESPONSE CHANGE CHANGED CHANNEL CHAR CHARACTER
    CHARACTER_LENGTH CHARSET CHAR_LENGTH CHECK CHECKPOINT CHECKSUM CHR CIPHER CLASS_ORIGIN CLIENT CLOB CLONE
    CLOSE COALESCE CODE COERCIBILITY COLLATE COLLATION COLUMN COLUMNS COLUMN_ADD COLUMN_CHECK COLUMN_CREATE
    COLUMN_DELETE COLUMN_EXISTS COLUMN_FORMAT COLUMN_GET COLUMN_JSON COLUMN_LIST COLUMN_NAME COMMENT COMMIT
    COMMITTED COMPACT COMPLETION COMPONENT COMPRESS COMPRESSED COMPRESSION CONCAT CONCAT_OPERATOR_ORACLE
    CONCAT_WS CONCURRENT CONDITION CONNECTION CONNECTION_ID CONSISTENT CONSTRAINT CONSTRAINT_CATALOG
    CONSTRAINT_NAME CONSTRAINT_SCHEMA CONTAINS CONTEXT CONTINUE CONTRIBUTORS CONV CONVERT CONVERT_TZ COS COT
    COUNT CPU CRC32 CRC32C CREATE CREATE_ASYMMETRIC_PRIV_KEY CREATE_ASYMMETRIC_PUB_KEY CREATE_DIGEST CROSS CUBE
    CUME_DIST CURDATE CURRENT CURRENT_DATE CURRENT_POS CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
    CURSOR CURSOR_NAME CURTIME CYCLE DATA DATABASE DATABASES DATAFILE DATE DATEDIFF DATETIME DATE_ADD
    DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR DAY_HOUR DAY_MICROSECOND DAY_MINUTE
    DAY_SECOND DEALLOCATE DEC DECIMAL DECLARE DECODE DECODE_HISTOGRAM DECODE_ORACLE DEFAULT DEFAULT_AUTH DEFINER
    DEFINITION DEGREES DELAYED DELAY_KEY_WRITE DELETE DELETE_DOMAIN_ID DENSE_RANK DESC DESCRIBE DESCRIPTION
    DES_DECRYPT DES_ENCRYPT DES_KEY_FILE DETERMINISTIC DIAGNOSTICS DIRECTORY DISABLE DISCARD DISK DISTANCE
    DISTINCT DISTINCTROW DIV DO DOUBLE DO_DOMAIN_IDS DROP DUAL DUALITY DUMPFILE DUPLICATE DYNAMIC EACH ELSE
    ELSEIF ELSIF ELT EMPTY ENABLE ENCLOSED ENCODE ENCRYPT ENCRYPTION END ENDS ENFORCED ENGINE ENGINES
    ENGINE_ATTRIBUTE ENUM ERROR ERRORS ESCAPE ESCAPED EVENT EVENTS EVERY EXAMINED EXCEPT EXCEPTION EXCHANGE
    EXCLUDE EXECUTE EXISTS EXIT EXP EXPANSION EXPIRE EXPLAIN EXPORT EXPORT_SET EXTENDED EXTENT_SIZE EXTERNAL
    EXTERNAL_FORMAT EXTRACT EXTRACTVALUE FACTOR FAILED_LOGIN_ATTEMPTS FALSE FAST FAULTS FEDERATED FETCH FIELD
    FIELDS FILE FILES FILE_BLOCK_SIZE FILE_FORMAT FILE_NAME FILE_PATTERN FILE_PREFIX FILTER FIND_IN_SET FINISH
    FIRST FIRST_VALUE FIXED FLOAT FLOAT4 FLOAT8 FLOOR FLUSH FOLLOWING FOLLOWS FOR FORCE FOREIGN FORMAT
    FORMAT_BYTES FORMAT_PICO_TIME FOUND FOUND_ROWS FROM FROM_BASE64 FROM_DAYS FROM_UNIXTIME FULL FULLTEXT
    FUNCTION GENERAL GENERATE GENERATED GEOMCOLLECTION GEOMETRY GEOMETRYCOLLECTION GET GET_DD_COLUMN_PRIVILEGES
    GET_DD_CREATE_OPTIONS GET_DD_INDEX_SUB_PART_LENGTH GET_FORMAT GET_LOCK GET_SOURCE_PUBLIC_KEY GLOBAL GOTO
    GRANT GRANTS GREATEST GROUP GROUPING GROUPS GROUP_CONCAT GROUP_REPLICATION GTIDS GTID_ONLY GTID_SUBSET
    GTID_SUBTRACT GUIDED HANDLER HARD HASH HAVING HEADER HELP HELP_DATE HELP_VERSION HEX HIGH_PRIORITY HISTOGRAM
    HISTORY HOST HOSTS HOUR HOUR_MICROSECOND HOUR_MINUTE HOUR_SECOND ICU_VERSION ID IDENTIFIED IF IFNULL IGNORE
    IGNORED IGNORE_DOMAIN_IDS IGNORE_SERVER_IDS IMMEDIATE IMPORT IN INACTIVE INCREMENT INDEX INDEXES INET6_ATON
    INET6_NTOA INET_ATON INET_NTOA INFILE INITIAL INITIAL_SIZE INITIATE INNER INOUT INSENSITIVE INSERT
    INSERT_METHOD INSTALL INSTANCE INSTR INT INT1 INT2 INT3 INT4 INT8 INTEGER INTERNAL_AUTO_INCREMENT
    INTERNAL_AVG_ROW_LENGTH INTERNAL_CHECKSUM INTERNAL_CHECK_TIME INTERNAL_DATA_FREE INTERNAL_DATA_LENGTH
    INTERNAL_DD_CHAR_LENGTH INTERNAL_GET_COMMENT_OR_ERROR INTERNAL_GET_ENABLED_ROLE_JSON INTERNAL_GET_HOSTNAME
    INTERNAL_GET_USERNAME INTERNAL_GET_VIEW_WARNING_OR_ERROR INTERNAL_INDEX_COLUMN_CARDINALITY
    INTERNAL_INDEX_LENGTH INTERNAL_IS_ENABLED_ROLE INTERNAL_IS_MANDATORY_ROLE INTERNAL_KEYS_DISABLED
    INTERNAL_MAX_DATA_LENGTH INTERNAL_TABLE_ROWS INTERNAL_UPDATE_TIME INTERSECT INTERVAL INTO INVISIBLE INVOKER
    IO IO_AFTER_GTIDS IO_BEFORE_GTIDS IO_THREAD IPC IS ISNULL ISOLATION ISOPEN ISSUER IS_FREE_LOCK IS_IPV4
    IS_IPV4_COMPAT IS_IPV4_MAPPED IS_IPV6 IS_USED_LOCK IS_UUID IS_VISIBLE_DD_OBJECT ITERATE JOIN JSON JSON_ARRAY
    JSON_ARRAYAGG JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_ARRAY_INTERSECT JSON_COMPACT JSON_CONTAINS
    JSON_CONTAINS_PATH JSON_DEPTH JSON_DETAILED JSON_EQUALS JSON_EXISTS JSON_EXTRACT JSON_INSERT JSON_KEYS
    JSON_KEY_VALUE JSON_LENGTH JSON_LOOSE JSON_MERGE JSON_MERGE_PATCH JSON_MERGE_PRESERVE JSON_NORMALIZE
    JSON_OBJECT JSON_OBJECTAGG JSON_OBJECT_FILTER_KEYS JSON_OBJECT_TO_ARRAY JSON_OVERLAPS JSON_PRETTY JSON_QUERY
    JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SCHEMA_VALID JSON_SCHEMA_VALIDATION_REPORT JSON_SEARCH JSON_SET
    JSON_STORAGE_FREE JSON_STORAGE_SIZE JSON_TABLE JSON_TYPE JSON_UNQUOTE JSON_VALID JSON_VALUE KDF KEY KEYRING
    KEYS KEY_BLOCK_SIZE KILL LABELS LAG LANGUAGE LAST LASTVAL LAST_DAY LAST_INSERT_ID LAST_VALUE LATERAL LCASE
    LEAD LEADING LEAST LEAVE LEAVES LEFT LENGTH LENGTHB LESS LEVEL LIBRARY LIKE LIMIT LINEAR LINES LINESTRING
    LIST LN LOAD LOAD_FILE LOCAL LOCALTIME LOCALTIMESTAMP LOCATE LOCK LOCKED LOCKS LOG LOG10 LOG2 LOGFILE LOGS
    LONG LONGBLOB LONGTEXT LOOP LOWER LOW_PRIORITY LPAD LPAD_ORACLE LTRIM LTRIM_ORACLE MAKEDATE MAKETIME
    MAKE_SET MANUAL MASKING MASTER MASTER_CONNECT_RETRY MASTER_DELAY MASTER_DEMOTE_TO_REPLICA
    MASTER_DEMOTE_TO_SLAVE MASTER_GTID_POS MASTER_GTID_WAIT MASTER_HEARTBEAT_PERIOD MASTER_HOST MASTER_LOG_FILE
    MASTER_LOG_POS MASTER_PASSWORD MASTER_PORT MASTER_POS_WAIT MASTER_SERVER_ID MASTER_SSL MASTER_SSL_CA
    MASTER_SSL_CAPATH MASTER_SSL_CERT MASTER_SSL_CIPHER MASTER_SSL_CRL MASTER_SSL_CRLPATH MASTER_SSL_KEY
    MASTER_SSL_VERIFY_SERVER_CERT MASTER_USER MASTER_USE_GTID MATCH MATERIALIZED MAX MAXVALUE
    MAX_CONNECTIONS_PER_HOUR MAX_QUERIES_PER_HOUR MAX_ROWS MAX_SIZE MAX_STATEMENT_TIME MAX_UPDATES_PER_HOUR
    MAX_USER_CONNECTIONS MBRCONTAINS MBRCOVEREDBY MBRCOVERS MBRDISJOINT MBREQUALS MBRINTERSECTS MBROVERLAPS
    MBRTOUCHES MBRWITHIN MD5 MEDIAN MEDIUM MEDIUMBLOB MEDIUMINT MEDIUMTEXT MEMBER MEMORY MERGE MESSAGE_TEXT
    MICROSECOND MID MIDDLEINT MIGRATE MIN MINUS MINUTE MINUTE_MICROSECOND MINUTE_SECOND MINVALUE MIN_ROWS MOD
    MODE MODIFIES MODIFY MONITOR MONTH MONTHNAME MULTILINESTRING MULTIPOINT MULTIPOLYGON MUTEX MYSQL MYSQL_ERRNO
    NAME NAMES NAME_CONST NATIONAL NATURAL NATURAL_SORT_KEY NCHAR NDB NDBCLUSTER NESTED NETWORK_NAMESPACE NEVER
    NEW NEXT NEXTVAL NO NOCACHE NOCOPY NOCYCLE NODEGROUP NOMAXVALUE NOMINVALUE NONE NOT NOTFOUND NOW NOWAIT
    NO_WAIT NO_WRITE_TO_BINLOG NTH_VALUE NTILE NULL NULLIF NULLS NUMBER NUMERIC NVARCHAR NVL NVL2 OCT
    OCTET_LENGTH OF OFF OFFSET OJ OLD OLD_PASSWORD ON ONE ONLINE ONLY OPEN OPTIMIZE OPTIMIZER_COSTS OPTION
    OPTIONAL OPTIONALLY OPTIONS OR ORD ORDER ORDINALITY ORGANIZATION OTHERS OUT OUTER OUTFILE OVER OVERLAPS
    OWNER PACKAGE PACK_KEYS PAGE PAGE_CHECKSUM PARALLEL PARAMETERS PARSER PARSE_TREE PARSE_VCOL_EXPR PARTIAL
    PARTITION PARTITIONING PARTITIONS PASSWORD PASSWORD_LOCK_TIME PATH PERCENTILE_CONT PERCENTILE_DISC
    PERCENT_RANK PERIOD PERIOD_ADD PERIOD_DIFF PERSIST PERSISTENT PERSIST_ONLY PHASE PI PLUGIN PLUGINS
    PLUGIN_DIR POINT POLICY POLYGON PORT PORTION POSITION POW POWER PRECEDES PRECEDING PRECISION PREPARE
    PRESERVE PREV PREVIOUS PRIMARY PRIVILEGES PRIVILEGE_CHECKS_USER PROCEDURE PROCESS PROCESSLIST PROFILE
    PROFILES PROXY PS_CURRENT_THREAD_ID PS_THREAD_ID PURGE QUALIFY QUARTER QUERY QUICK QUOTE RADIANS RAISE RAND
    RANDOM RANDOM_BYTES RANGE RANK RAW READ READS READ_ONLY READ_WRITE REAL REBUILD RECORD RECOVER RECURSIVE
    REDOFILE REDO_BUFFER_SIZE REDUNDANT REFERENCE REFERENCES REF_SYSTEM_ID REGEXP REGEXP_INSTR REGEXP_LIKE
    REGEXP_REPLACE REGEXP_SUBSTR REGISTRATION RELATIONAL RELAY RELAYLOG RELAY_LOG_FILE RELAY_LOG_POS
    RELAY_THREAD RELEASE RELEASE_ALL_LOCKS RELEASE_LOCK RELOAD REMOVE RENAME REORGANIZE REPAIR REPEAT REPEATABLE
    REPLACE REPLACE_ORACLE REPLAY REPLICA REPLICAS REPLICATE_DO_DB REPLICATE_DO_TABLE REPLICATE_IGNORE_DB
    REPLICATE_IGNORE_TABLE REPLICATE_REWRITE_DB REPLICATE_WILD_DO_TABLE REPLICATE_WILD_IGNORE_TABLE REPLICATION
    REPLICA_POS REQUIRE REQUIRE_ROW_FORMAT REQUIRE_TABLE_PRIMARY_KEY_CHECK RESET RESIGNAL RESOURCE RESPECT
    RESTART RESTORE RESTRICT RESUME RETAIN RETURN RETURNED_SQLSTATE RETURNING RETURNS REUSE REVERSE REVOKE RIGHT
    RLIKE ROLE ROLES_GRAPHML ROLLBACK ROLLUP ROTATE ROUND ROUTINE ROW ROWCOUNT ROWNUM ROWS ROWTYPE ROW_COUNT
    ROW_FORMAT ROW_NUMBER RPAD RPAD_ORACLE RTREE RTRIM RTRIM_ORACLE S3 SAVEPOINT SCHEDULE SCHEMA SCHEMAS
    SCHEMA_NAME SECOND SECONDARY SECONDARY_ENGINE SECONDARY_ENGINE_ATTRIBUTE SECONDARY_LOAD SECONDARY_UNLOAD
    SECOND_MICROSECOND SECURITY SEC_TO_TIME SELECT SENSITIVE SEPARATOR SEQUENCE SERIAL SERIALIZABLE SERVER
    SESSION SESSION_USER SET SETS SETVAL SFORMAT SHA SHA1 SHA2 SHARE SHOW SHUTDOWN SIGN SIGNAL SIGNED SIMPLE SIN
    SKIP SLAVE SLAVES SLAVE_POS SLEEP SLOW SMALLINT SNAPSHOT SOCKET SOFT SOME SONAME SOUNDEX SOUNDS SOURCE
    SOURCE_AUTO_POSITION SOURCE_BIND SOURCE_COMPRESSION_ALGORITHMS SOURCE_CONNECTION_AUTO_FAILOVER
    SOURCE_CONNECT_RETRY SOURCE_DELAY SOURCE_HEARTBEAT_PERIOD SOURCE_HOST SOURCE_LOG_FILE SOURCE_LOG_POS
    SOURCE_PASSWORD SOURCE_PORT SOURCE_POS_WAIT SOURCE_PUBLIC_KEY_PATH SOURCE_RETRY_COUNT SOURCE_SSL
    SOURCE_SSL_CA SOURCE_SSL_CAPATH SOURCE_SSL_CERT SOURCE_SSL_CIPHER SOURCE_SSL_CRL SOURCE_SSL_CRLPATH
    SOURCE_SSL_KEY SOURCE_SSL_VERIFY_SERVER_CERT SOURCE_TLS_CIPHERSUITES SOURCE_TLS_VERSION SOURCE_USER
    SOURCE_ZSTD_COMPRESSION_LEVEL SPACE SPATIAL SPECIFIC SQL SQLEXCEPTION SQLSTATE SQLWARNING SQL_AFTER_GTIDS
    SQL_AFTER_MTS_GAPS SQL_BEFORE_GTIDS SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_CACHE SQL_CALC_FOUND_ROWS
    SQL_NO_CACHE SQL_SMALL_RESULT SQL_THREAD SQL_TSI_DAY SQL_TSI_HOUR SQL_TSI_MINUTE SQL_TSI_MONTH
    SQL_TSI_QUARTER SQL_TSI_SECOND SQL_TSI_WEEK SQL_TSI_YEAR SQRT SRID SSL STACKED STAGE START STARTING STARTS
    STATEMENT STATEMENT_DIGEST STATEMENT_DIGEST_TEXT STATS_AUTO_RECALC STATS_PERSISTENT STATS_SAMPLE_PAGES
    STATUS STD STDDEV STDDEV_POP STDDEV_SAMP STOP STORAGE STORED STRAIGHT_JOIN STRCMP STREAM STRICT_LOAD STRING
    STRING_TO_VECTOR STR_TO_DATE ST_AREA ST_ASBINARY ST_ASGEOJSON ST_ASTEXT ST_BUFFER ST_BUFFER_STRATEGY
    ST_CENTROID ST_COLLECT ST_CONTAINS ST_CONVEXHULL ST_CROSSES ST_DIFFERENCE ST_DIMENSION ST_DISJOINT
    ST_DISTANCE ST_DISTANCE_SPHERE ST_ENDPOINT ST_ENVELOPE ST_EQUALS ST_EXTERIORRING ST_FRECHETDISTANCE
    ST_GEOHASH ST_GEOMCOLLFROMTEXT ST_GEOMCOLLFROMWKB ST_GEOMETRYN ST_GEOMETRYTYPE ST_GEOMFROMGEOJSON
    ST_GEOMFROMTEXT ST_GEOMFROMWKB ST_HAUSDORFFDISTANCE ST_INTERIORRINGN ST_INTERSECTION ST_INTERSECTS
    ST_ISCLOSED ST_ISEMPTY ST_ISSIMPLE ST_ISVALID ST_LATFROMGEOHASH ST_LATITUDE ST_LENGTH ST_LINEFROMTEXT
    ST_LINEFROMWKB ST_LINEINTERPOLATEPOINT ST_LINEINTERPOLATEPOINTS ST_LONGFROMGEOHASH ST_LONGITUDE
    ST_MAKEENVELOPE ST_MLINEFROMTEXT ST_MLINEFROMWKB ST_MPOINTFROMTEXT ST_MPOINTFROMWKB ST_MPOLYFROMTEXT
    ST_MPOLYFROMWKB ST_NUMGEOMETRIES ST_NUMINTERIORRINGS ST_NUMPOINTS ST_OVERLAPS ST_POINTATDISTANCE
    ST_POINTFROMGEOHASH ST_POINTFROMTEXT ST_POINTFROMWKB ST_POINTN ST_POLYFROMTEXT ST_POLYFROMWKB ST_SIMPLIFY
    ST_SRID ST_STARTPOINT ST_SWAPXY ST_SYMDIFFERENCE ST_TOUCHES ST_TRANSFORM ST_UNION ST_VALIDATE ST_WITHIN ST_X
    ST_Y SUBCLASS_ORIGIN SUBDATE SUBJECT SUBPARTITION SUBPARTITIONS SUBSTR SUBSTRING SUBSTRING_INDEX
    SUBSTR_ORACLE SUBTIME SUM SUPER SUSPEND SWAPS SWITCHES SYSDATE SYSTEM SYSTEM_TIME SYSTEM_USER SYS_GUID TABLE
    TABLES TABLESAMPLE TABLESPACE TABLE_CHECKSUM TABLE_NAME TAN TEMPORARY TEMPTABLE TERMINATED TEXT THAN THEN
    THREADS THREAD_PRIORITY TIES TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT TIME_TO_SEC
    TINYBLOB TINYINT TINYTEXT TLS TO TO_BASE64 TO_CHAR TO_DAYS TO_SECONDS TRADITIONAL TRAILING TRANSACTION
    TRANSACTIONAL TRIGGER TRIGGERS TRIM TRIM_ORACLE TRUE TRUNCATE TYPE TYPES UCASE UNBOUNDED UNCOMMITTED
    UNCOMPRESS UNCOMPRESSED_LENGTH UNDEFINED UNDO UNDOFILE UNDO_BUFFER_SIZE UNHEX UNICODE UNINSTALL UNION UNIQUE
    UNIX_TIMESTAMP UNKNOWN UNLOCK UNREGISTER UNSIGNED UNTIL UPDATE UPDATEXML UPGRADE UPPER URI URL USAGE USE
    USER USER_RESOURCES USE_FRM USING UTC_DATE UTC_TIME UTC_TIMESTAMP UUID UUID_SHORT UUID_TO_BIN UUID_V4
    UUID_V7 VALIDATE VALIDATE_PASSWORD_STRENGTH VALIDATION VALUE VALUES VARBINARY VARCHAR VARCHAR2 VARCHARACTER
    VARIABLES VARIANCE VARYING VAR_POP VAR_SAMP VCPU VECTOR VECTOR_DIM VECTOR_TO_STRING VEC_DISTANCE
    VEC_DISTANCE_COSINE VEC_DISTANCE_EUCLIDEAN VEC_FROMTEXT VEC_TOTEXT VERIFY_KEY_CONSTRAINTS VERSION VERSIONING
    VIA VIEW VIRTUAL VISIBLE WAIT WAIT_FOR_EXECUTED_GTID_SET WARNINGS WEEK WEEKDAY WEEKOFYEAR WEIGHT_STRING WHEN
    WHERE WHILE WINDOW WITH WITHIN WITHOUT WORK WRAPPER WRITE WSREP_LAST_SEEN_GTID WSREP_LAST_WRITTEN_GTID
    WSREP_SYNC_WAIT_UPTO_GTID X509 XA XID XML XOR YEAR YEARWEEK YEAR_MONTH ZEROFILL ZONE
    """.split()
)

# Words of messages, in small letters.
MESSAGE_WORDS: Final = frozenset(
    """
    aria galera hostgroup innodb ist maxscale myisam proxysql router sst tidb toku vitess vttablet wsrep
    abbreviations able abort aborted aborting about above absolute accept acceptable accepted accepting accepts
    access accessed accesses accessible accessing accompanying accomplished according accordingly account
    accounts ack acknowledged acl acquire acquired acquiring acquisition across action actions activate
    activated activating active activities activity acts actual actually adaptive add added adding additional
    address addresses adjust adjusted adjusting admin administrator advance aes af affect affected affinity
    after again against age aggregate aggregated aggregates aggregation ago ahead ai aio algorithm algorithms
    alias aliasing align alive all allocate allocated allocating allocation allow allowed allowlist allows alone
    alphanumeric already also alter altered altering alternatives although always ambiguous among an analysis
    analyze ancestor anchored anchors and angular annotations anonymous another any anymore anyway api appears
    append appending applicable application applied applier applies apply applying appropriate architecture
    archive archived archiver archiving are area aren argument arguments arm around array arrayagg as asc ascii
    asked asking assertion assess assessment assign assigned assigning assignment associated assume assumed
    assuming assure aswkb asynchronous at atomic attached attaching attempt attempted attempting attempts attr
    attribute attributes audit auth authenticate authenticated authenticating authentication authenticator
    authid authorization auto autocommit autocommitted autoextend autoincrement automatic automatically
    auxiliary available avg avoid avro aware away aws axes axis back backend background backlog backtrack backup
    bad badly bailed barrier base based basedir batch be became because become been before begin behavior behind
    being belong belongs below besides best better between beyond big bigger billion bin binary bind binlog bio
    bit bitmask bits bitwise black blackhole blob blobs block blocked blocking blocks body boolean boot
    bootstrap bootstrapping both bound bounds bracket branch break bridge broadcast broadcasting broken buckets
    buf buffer buffered bug bugs build builder buildid building built builtin bulk bulkflusher bulkload busy but
    by byte bytes bytestokey ca cache cached caches calc calculate calculating calculation call called calling
    calls can cancelled candidate cannot cap capability capable capacity capath capture careful cartesian
    cascade cascaded case cases cast catalog catch caught cause caused causes causing cell centroid cerificate
    cert certain certficates certificate certificates certification certified certifier certs cf cfg challenge
    chance change changed changes changing channel channels char character characteristics characters chars
    charset check checking checkpoint checks checksum checksums child choosing chunk chunking chunks ci cipher
    ciphers ciphersuites circularity clashes clause clauses clean cleaner cleaning cleanly cleanup clear cleared
    clearing client clients clock clocks clone cloned cloning close closed closing cluster cmk cnf cnt coalesce
    coalesced code codec col cold collation collations collect collected collection colon cols column columns
    com combination combine combined combining come comes comma command commands comment commit commits
    committed committing committrx common communication compared comparing comparison compatible compilation
    compiled complete completed completion complexity comply component components composed composite compress
    compressed compressing compression computation compute computing concat concurrency concurrent cond
    condition conditions conf config configuration configurations configure configured configuring confirm
    conflict conflicting conflicts conform confused confusing conjunction conn connect connected connecting
    connection connections connetion consecutive consensus consider considered consist consisted consistency
    consistent constant constraint constraints construct construction constructor consult consumed consumer
    contact contacting contain contained container containers containing contains content context continue
    continuing contradict control controller conversion convert converted converting coordinate coordinator
    copied copy copying core correct corrected correctly correspond correspondence corresponding corresponds
    corrupt corrupted corruption cost could couldn count counter counters counting counts cover cpu cpuid cpus
    crash crashed crashes create created createlattice createmodel creates createtagger creating creation
    creator creators credential credentials critical crl cross crossed crosses csv cte ctrl ctx cur curl curr
    current currently cursor custom cut cycle cyclic daemon damaged data database databases datadir datafile
    datatype date dates datetime day days db dba dblwr dblwrthread dbug dd ddl ddls de deadlock deallocate debug
    decimal declaration declarations declared declaring decode decoding decompress decompressed decompressing
    decompression decreases decrement decrypt decrypting decryption dedicated default defaults define defined
    definer definition definitions degrade degrees deinit deinitialization deinitialize deinitialized
    deinitializing delay delayed delaying delegates delegation delete deleted deleting delimiter deliver
    delivered delta demand denied dependencies dependency dependent depending depends deprecated depth
    deregistration derived des desc descendant described description descriptor deserialize designated desired
    despite destination destroys detach detaching detailed details detect detected detection determine
    determines deterministic developer device diagnostics dict dictionaries dictionary did didn die diff differ
    difference different differently digest digit digits dimension dimensions dir direct direction directive
    directly directories directory dirty disable disabled disables disabling disallowed disappeared discard
    discarded discarding disconnect disconnected disconnecting disconnection discontinued discouraged discover
    discovered discovering disk dispatching display disposed dist distributed distributing distribution diverged
    division dll dml dn dns do doc document documentation documents docx does doesn doing domain domains don
    done donor donors dontdump double doublewrite down downgrade downgrading download downstream drop dropped
    dropping dst duality due dump dumped dupid duplicate duplicated duplicates duration during dynamic
    dynamically each earlier early east easy edges edit edited edition effect effective effectively effects
    effort either elapsed elect elected electing election element elements ellipsoid else elsewhere embedded
    emitted empty enable enabled enabling enclosed encoded encoding encountered encrypt encrypted encrypting
    encryption end ended endian ending endpoint endpoints ends enforce enforced enforcement engine engines
    enlarging enough ensure ensuring enter enthropy entries entry enum enumeration environment eof epoch epochs
    epoll epsg equal equality erase err errcode errmsg errno erroneous erroneus error errored errors es escape
    escaped escaping establish established establishing estimated etag etc ev evaluate evaluating evaluation
    even event events every everywhere evp exact exaction exactly examine examining example exceed exceeded
    exceeding exceeds except exception exceptions exchange exclude excluding exclusion exclusive executable
    execute executed executing execution executor exempt exhausted exist existent existing exists exit exited
    exiting expanding expansion expected expel expelled experimental expiration expire expired explain
    explanation explicit explicitly exporting expr expressed expression expressions exsiting extend extended
    extending extension extensions extents external extra extract extracted extracting extraction extremely face
    facility factor fail failed failover fails failure failures fairly fall fallback falling fallocate false
    family far fast fatal fault fcntl fd feature features fed federated fetch fetched fetching few fewer fido
    field fields file filed filename filepath files filesystem fill filled filling fills filter filtering
    filtername filters find fingerprint finish finished fips firewall first fix fixed fixing flag flags
    flashback flattening float floating flow flst flush flushed flushes flushing fly fn follow followed
    following follows for forbid forbidden force forced forceful forcefully forces forcing foreign forgot form
    format formatdescriptor formats formatted former forward found fraction frame frames free freed freeing frm
    from fseek ft fts fulfill full fulltext fully func function functional functionally functions funtion
    further future ga galera gap gaps garbage gatekeeper gather gb gci gcs genai general generate generated
    generating generation generator geographic geojson geometrical geometries geometry geomfromgeojson get
    gethostname getlasterror gets gettime gettimeofday getting gis gitd given giving global globally going got
    goto gracefully grant granted granting grants granular graph greater greatest group grouping groups gtid
    gtids guarantee guaranteed ha had half handle handled handler handlers handlerton handles handling handoff
    handshake hang hanging happen happens hard has hash hashchk hashed hashes hashicorp hasn have haven having
    header heap heaps heartbeat heartbeating height held help hence here heuristic hex hexadecimal hidden high
    higher highest highly hint hints his histogram historical history hit hitting hkdf hmac hold holding holds
    hole home hook hooks host hostgroup hostname how however html http hung hypergraph iam ib ibd ibdata ibuf
    icu id iddp ident identical identiers identification identified identifier identifiers identify identity
    idle ids if ignorable ignore ignored ignores ignoring illegal image imds immediate immediately
    implementation implemented implicit implicitly implies import imported importing imposed impossible in
    inaccessible inactivity inappropriate incapable incident include included includes including incoming
    incompatible incomplete inconsistency inconsistent incorrect incorrectly increase increasing increment
    incremental incrementing independent index indexed indexes indexing indicate indicated indicates indication
    indirectly individually induced inferred infile infinite info information informing infrastructure inherit
    init initial initialisation initialization initialize initialized initializing initially initiate initiated
    initiating inject injected injecting injector inner innobase innodb innovation inout inplace input insecure
    insensitive insert insertable inserted inserting insertion inserts inside install installable installation
    installed installing instance instances instant instantiate instantly instead instructed instruction
    instructions instrument instrumented insufficient int integer integers integral integration intend intended
    intentionally interactive interface interfaces internal internally interpret interrupt interrupted intersect
    intersection interval intervals intialize into inval invalid invalidate inverse invisible invocation invoke
    invoked invoker invokes invoking involved io iocache ios ip ipv is isamchk isn isolation issue issued issuer
    issues it item items iteration iterations iterator its itself jdvs jemalloc jobs join joined joiner joiners
    joining json just kb kdf keeps kept key keycache keyring keys kickup kill killed killing kmip kms known
    label lack lacking lacks lag lagging lakehouse language large larger last lasted latching later lateral
    latest latitude layer layout lc ldap ldaps lead leader leaders leading leak leaked leaks leap leaps least
    leave leaving left leftover leftovers legacy len length less lesser letters level levels lexical lhs libcurl
    libraries library lifetime lifted like likely lim limit limitations limited limits line lines linestring
    linked linux list listed listen listener listeners listening listernes lists literals little live load
    loadable loaded loader loading loadlibrary lob local locale localhost locally locate located location
    locations lock locked locking locks log logarithm logfile logfiles logged logger logging logic logical
    logically login logins logs long longer longitude look looking loop loops lose losing loss lost low lower
    lowercase lowest lpad lsn lts lwm made madv madvise magic maintained major majority make makes malformed
    malfunctioning malloc managed management manager mandatory manifest manipulate manner manual manually many
    map mapped mapping maps mariadb mariadbd mark marked mask masking master match matched matches matching
    materialized materials max maxdb maximal maximum maxreplicatedepoch maxvalue may maybe mb mbind mdl mean
    meaning means meant mecab mem memalloc member members membership memleak memory mentioned merge merged
    merges meridian message messagefile messages met meta metadata meter method methods mib microsecond middle
    might migrate migrating migration millisecond milliseconds min minimal minimum minor minumum minute
    misconfiguration misconfigured mismatch mismatched misplaced miss misses missing mix mixed mixing mktime
    mode model modes modifiable modification modifications modified modifies modify modifying module monitor
    monotonic more most mount move moved moving ms mta mtl mts much multi multiple multisourced multivalued must
    mutex mutual my myisam myrocks mysql mysqlbackup mysqld mysqlds mysqlx name named names namespace namespaces
    nan nanosecond national native nchar ndb ndbcluster ndbcol ndbevent ndbeventoperation ndbinfo near necessary
    need needed needs negative neither nest nested nesting net network never new newly next nice no nobody node
    nodeid nodeids nodes non nonaggregated none nontransactional nor normal normally north not nota note nothing
    notice notification notifications notify notifying now nowait nt ntile null nullable num numa number numbers
    numeric numerical nvarchar obj object objects observer observers obtain obtained occupied occurred occurring
    oci of off offline offset often ok okay okv old older oldest on once one oneorall ones ongoing online only
    oom op open opened openid opening opens openssl operand operands operate operating operation operations
    operator operators opt optimistic optimization optimize optimized optimizer option optional options or
    oracle order organization orig origin original originally originating orphan os other others otherwise our
    out outcome outdated outer outgoing output outside over overall overcomes overflow overhead overlap overlaps
    overlay override overrides overrun overwrite overwriting own owned owner ownership owns package packet
    packets pad page pages pair pairs par parallel parameter parameters parent parenthesis parquet parse parsed
    parser parsing part partial partially participates participating partition partitioned partitioning
    partitions parts passed password passwords past patch path paths pattern pausing paxos payload pbkdf pc pct
    peer pending per percent percentage perform performance performed period periodical periodically permanent
    permanently permissible permission permissions permissive permit permitted persist persisted persistence
    persistent persisting persists pfs phase physical physically pid pipe pipeline pipes pk place placed
    placeholders placement plain plaintext plan planet platform platforms please plug pluggable plugin plugins
    plus point pointed points polar policy poll polygon polygons pool pooled pools populate populating port
    portion pos position positioning positions positive positively posix possible possibly post power pre
    preader preallocate preceded precedence preceding precious precise precision predefined predicted prediction
    preemptive prefer preferred prefers prefix prefixed preparation prepare prepared present presently preserve
    pretending prev prevent preventing prevents previous previously primary prime primitive principal print prio
    prior priority priv private privilege privileges probabably probably probe problem problems proc procedure
    procedures proceed proceeded proceeding process processed processing processor produced profile profiles
    program progress progressed prohibited prohibits project projected projecting projection projects propagate
    proper properly property protobuf protocol protocols provide provided provider provides providing provision
    provisioning proxied proxies proxy prune pruned pruning pseudo psi pthread ptr public punch purge purgeable
    purged purging purposes pushed put putting qualified qualify quarantine queries query queue queues queuing
    quick quit quota quote quoted quotes radius raid raise raised random range ranges rate rbdeadlock rbr
    rbrollback rbtimeout rbwr rc re reach reachable reached reaching read readable reader reading reads ready
    real realm reapply rearm reason reasons rebinding rebuild rebuilding rebuilt rec receive received receiver
    receives receiving recent recipient reclaimed reclamation recognized recommend recommendations recommended
    reconfigure reconnect reconnected reconnecting reconnection reconstructing record recorded records recover
    recovered recovering recovery recreate recreated rectify recursion recursive recv red redacted redefining
    redo reduce reduced reducing reencrypt reencryption ref refer reference referenced references referencing
    referential referring refers refreshing refused refuses regarding regex regexp region register registered
    registering registration registry regular reimport reinit reinitialize reinstall rejected rejoin related
    relative relay relaylog release released releaser releases releasing reload reloading reloads remain
    remaining remains remember remote remove removed removing rename renamed renaming render reorganize
    reorganizing repair repaired repairing repeat repeatable repl replace replaced replacements replacing
    replica replicas replicate replicated replication replicator reply report reported reporting reports repos
    repositories repository represent represented represents request requested requesting requests require
    required requirement requirements requires requiring res resembles resequencing reserve reserved reset
    resetting resignal resize resized resizing resolution resolvable resolve resolved resolves resolving resort
    resource resources respect respectively response rest restart restarted restarting restarts restoration
    restore restored restoring restrict restriction restrictions result resulted resulting results resume
    resumed resuming resurrected resurrecting retain retained retried retries retrieval retrieve retrieved
    retrieves retry retrying retuned return returned returning returns reuseaddr reusing revoke revoked rewrite
    rewritten rhs rid right rights ring risk rli rmerr rmfail rocksdb role roles roll rollback rolled rolling
    rollup room root rotate rotated rotating rotation round rounding routine row rows rsa rseg rsegs rule rules
    run running runnning runs runtime rw safe safest safety salt salting same sandboxing sanitization sasl
    satisfied satisfy save saved savepoint saving saw scalar scale scaling scan scanned scanner schedule
    scheduled scheduler scheduling schema schemas scheme scope sdi se search searched sec second secondary
    seconds secret secs section secure securely security see seeds seem seems seg segments select selected
    selecting selector selects self semantics semaphore semi semisync send sender sending sends sense sensible
    sensitive sent separate separated separator seq seqno sequence sequences serializable serialize serializing
    serialzed serious server serverid servers service services session sessions set setaffinity setevent setns
    setopt setregid setreuid setrlimit sets setsize settable setting settings setup several sformat sha shadow
    shall shape shard share shared shares short should shouldn show shows shut shutdown shutting sid side sides
    sidno sign signal signalling signals signature signed significance signing silently similar simplify
    simulated simultaneously since single singleton sink sinks situation size sizes skip skipped skipping slave
    slaves sleep slock slot slow slower small smaller snapshot so socket socketpair sockets some someone
    something sort sorted sorting source sources south sp space spaces spatial spec special specific
    specification specifications specified specifier specifies specify specifying sphere spin split sql sqlstate
    src srid srids srs srss srv ssl st stable stack stacked stage stall stamp stand standalone standard standby
    start started starting starts startup stat state statement statements states statistics stats status stay
    stderr step stepped stereographic still stmt stop stopped stopping storage store stored storing strategy
    stray stream strict strictly string strings strong structure structured structures style sub subdirectory
    subject submit subobject subpartition subpartitioned subpartitioning subpartitions subqueries subquery
    subroutine subscribe subscriber subsequent subsitutions substitution substring subsystem succeed succeeded
    successful successfully such suggest suitable sum super superfluous supplied support supported supports
    supposed suppressed suppression sure suspended suspicious swap switch switched switching symbol symbols
    symlinks sync synchronization synchronously syntax sys syseventlog syslog system systemd systems table
    tables tablesample tablespace tablespaces tag tagged tags tail take taken takes target task tc tcp teardown
    temp temporal temporarily temporary temptable tenancy terminated terminating termination terminator test
    testing text than that thd thds the their them then thence there therefore these they this those though
    thread threaded threads threshold throttle throttling through thrown tid tie ties time timed timeout timer
    times timestamp timestamps timezone timezones tls tlsv tmp tmpdir to together token tokens tolerance too
    took tool tools top topology total towgs tp trace tracing track tracked tracker tracking tracks trailing
    trans transaction transactional transactions transfer transferring transform transformation transient
    transition transitions translated translation transmission transmit transport transports tranx treated
    treats tree trees trg tried tries trigger triggered triggers trim trimmed trimming true trunc truncate
    truncated truncating truncation trunkated trust trusted trx try trying ttl turn turned turning tweaking
    twice two tx txt type typecode types typically udf uids ulint un unable unacceptable unambiguous unapplied
    unarchived unavailable unbind unblock unblocked unblocking unbounded unchanged unclosed uncommitted
    uncompress uncompressed undeclared undefined under underflow underlying understand understanding undetected
    undo unenclosed unencrypted unexpected unexpectedly unhandled uninitialized uninstall uninstallable
    uninstalled uninstalling union unions uniq unique unit units unix unknown unless unload unloaded unloading
    unlock unmasked unprocessed unprotected unquoted unreachable unrecognized unrecoverable unregister
    unregistered unregistering unregistration unresolved unsafe unset unsigned unsubscribe unsuccessful
    unsupported until unusable unused up updatable update updated updates updating upgrade upgraded upgrading
    upholding upon upper uppercase upstream uptime urn urns usage use used usedcounter useless user username
    users uses using ut utc utf util uuid vain valgrind valid validate validating validation value valued values
    var variable variables variant vault vcpu vector verbose verbosity verification verified verify version
    versioned versioning versions very via victim view views vio violate violated violates violating violation
    virtual visible vm void vs wait waited waiting waking want warning warnings was wasn way we weight well went
    were west what when where whether which while white whitespace whole whose width wild wildcard wildcards
    will window windowing windows with within without woke won work worker workers working world would writ
    writability writable write writer writes writeset writing written wrong wrongly wrote wsastartup xa xaer xid
    xxxx year yes yet you your zero zerofill zeros zlib zombie zone zones zstd
    """.split()
)
