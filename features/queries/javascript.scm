(function_declaration) @definition
(generator_function_declaration) @definition
(method_definition) @definition
(class_declaration) @definition
(variable_declarator value: (arrow_function)) @definition
